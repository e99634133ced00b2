#! testgam extended
# A build makes files of which some go again at once, and some stay: what stays is told once, whatever goes.
mkdir t
connect
mondir t
quietly
together
mkfile t/unit0.tmp
mv t/unit0.tmp t/unit0.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit1.tmp
mv t/unit1.tmp t/unit1.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit2.tmp
mv t/unit2.tmp t/unit2.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit3.tmp
mv t/unit3.tmp t/unit3.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit4.tmp
mv t/unit4.tmp t/unit4.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit5.tmp
mv t/unit5.tmp t/unit5.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit6.tmp
mv t/unit6.tmp t/unit6.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit7.tmp
mv t/unit7.tmp t/unit7.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit8.tmp
mv t/unit8.tmp t/unit8.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit9.tmp
mv t/unit9.tmp t/unit9.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit10.tmp
mv t/unit10.tmp t/unit10.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit11.tmp
mv t/unit11.tmp t/unit11.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit12.tmp
mv t/unit12.tmp t/unit12.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit13.tmp
mv t/unit13.tmp t/unit13.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit14.tmp
mv t/unit14.tmp t/unit14.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit15.tmp
mv t/unit15.tmp t/unit15.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit16.tmp
mv t/unit16.tmp t/unit16.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit17.tmp
mv t/unit17.tmp t/unit17.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit18.tmp
mv t/unit18.tmp t/unit18.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit19.tmp
mv t/unit19.tmp t/unit19.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit20.tmp
mv t/unit20.tmp t/unit20.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit21.tmp
mv t/unit21.tmp t/unit21.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit22.tmp
mv t/unit22.tmp t/unit22.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit23.tmp
mv t/unit23.tmp t/unit23.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit24.tmp
mv t/unit24.tmp t/unit24.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit25.tmp
mv t/unit25.tmp t/unit25.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit26.tmp
mv t/unit26.tmp t/unit26.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit27.tmp
mv t/unit27.tmp t/unit27.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit28.tmp
mv t/unit28.tmp t/unit28.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit29.tmp
mv t/unit29.tmp t/unit29.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit30.tmp
mv t/unit30.tmp t/unit30.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit31.tmp
mv t/unit31.tmp t/unit31.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit32.tmp
mv t/unit32.tmp t/unit32.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit33.tmp
mv t/unit33.tmp t/unit33.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit34.tmp
mv t/unit34.tmp t/unit34.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit35.tmp
mv t/unit35.tmp t/unit35.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit36.tmp
mv t/unit36.tmp t/unit36.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit37.tmp
mv t/unit37.tmp t/unit37.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit38.tmp
mv t/unit38.tmp t/unit38.o
mkfile t/scratch
rmfile t/scratch
wait 10
mkfile t/unit39.tmp
mv t/unit39.tmp t/unit39.o
mkfile t/scratch
rmfile t/scratch
wait 10
end
end
expect-any 1 unit0.o Created
expect-any 1 unit20.o Created
expect-any 1 unit39.o Created
expect below 170
converged
