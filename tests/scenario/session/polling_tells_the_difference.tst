#! testgam extended
# With --pollonly the kernel is not asked: the server looks by itself and tells what came, went and changed
# (D17).
server pollonly
mkfile f
mkdir t
mkfile t/a
mkfile t/b
connect
mondir t
monfile f
monfile missing
together
  mkfile t/c
  rmfile t/a
  append t/b
  append f
  mkfile missing
end
converged
cancel 0
