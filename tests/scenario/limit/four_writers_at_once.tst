#! testgam extended
# Four write at once, on the same names and in each other's directories. What is told of it hangs on who comes first; that it is
# true does not.
mkdir t
connect
mondir t
monfile t/a
mondir t/d
quietly
  concurrently
    writer
    mkfile t/a
    append t/a
    rmfile t/a
    write t/a longer
    writer
    mkdir t/d
    mkfile t/d/b
    chmod t/d 700
    rmtree t/d
    writer
    save t/a x
    mv t/a t/d/a
    mkdir t/d
    mkfile t/d/c
    writer
    churn t 100
    exchange t/a t/d
    link a t/l
  end
end
converged
