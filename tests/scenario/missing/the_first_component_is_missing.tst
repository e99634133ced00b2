#! testgam extended
# A path that leads nowhere from `/` on is missing like any other, and nobody else is kept waiting (the original: D0).
mkdir t
connect
mondir /nonexistent-gamin-scenario
monfile /nonexistent-gamin-scenario/deep/file
mondir t
mkfile t/a
