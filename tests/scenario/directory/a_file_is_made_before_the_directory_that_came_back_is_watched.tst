#! testgam extended
# A directory that is followed is made anew, and a file in it just before the kernel tells of it: a scan is believed only when
# all that it hangs on was watched as it began.
connect
mkdir d
mondir d
mondir d/s
rmdir d
fault between 3
touch d/l 0
end
mondir .
mkdir d
