#! testgam extended
# The steps of several editors in one burst come to the state that is there, with no name told as gone for good. Played in the
# simulated world alone: how a real server splits the burst differs from run to run.
mkdir w
write w/doc "seven"
connect
mondir w
monfile w/doc
fault clock 0
together
write w/doc___jb_tmp___ "seven"
move w/doc w/doc___jb_old___
move w/doc___jb_tmp___ w/doc
rmfile w/doc___jb_old___
move w/doc w/doc~
write w/doc "eight"
rmfile w/doc~
end
converged
