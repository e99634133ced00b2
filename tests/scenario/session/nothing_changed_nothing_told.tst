#! testgam extended
# Server killed and started without a change meanwhile: the client notices nothing and hears on (D9).
mkdir t
mkfiles t 50
mkfile f
connect
quietly
  mondir t
end
monfile f
mondir missing
server restart
mkfile t/a
append f
mkdir missing
