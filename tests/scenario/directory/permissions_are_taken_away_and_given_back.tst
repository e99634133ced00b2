#! testgam extended
# Monitoring survives that the directory can't be read for a while; what happens meanwhile is told at the latest
# when it can be read again (original.md 8.10; D6).
server unprivileged
mkdir t
mkfile t/a
connect
mondir t
chmod t 000
quietly
mkfile t/b
chmod t 755
expect-any 1 b Created
end
mkfile t/c
converged
