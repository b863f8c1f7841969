# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ttui_global_optspecs
    string join \n o/output= p/port= peer= max-peers= down= up= upload-slots= encryption= transport= no-dht dht-node= no-pex no-lsd no-port-mapping gateway= ratio= seed-time= seed no-seed headless json files= sequential paused overwrite metadata-only sync record= privacy log= config= theme= color= ascii fps= no-mouse print-config h/help V/version
end

function __fish_ttui_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ttui_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ttui_using_subcommand
    set -l cmd (__fish_ttui_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ttui -n "__fish_ttui_needs_command" -s o -l output -d 'The folder to download into [default: the current one]' -r -F
complete -c ttui -n "__fish_ttui_needs_command" -s p -l port -d 'The port to listen on [default: 6881 to 6889, or else any free one]' -r
complete -c ttui -n "__fish_ttui_needs_command" -l peer -d 'Dial this peer too (may be given again)' -r
complete -c ttui -n "__fish_ttui_needs_command" -l max-peers -d 'The most peers to be connected to at once [default: 200]' -r
complete -c ttui -n "__fish_ttui_needs_command" -l down -d 'The most to receive a second, as 500k or 2.5M [default: no limit]' -r
complete -c ttui -n "__fish_ttui_needs_command" -l up -d 'The most to send a second [default: no limit]' -r
complete -c ttui -n "__fish_ttui_needs_command" -l upload-slots -d 'How many peers to serve at once, beside one that gets its chance [default: auto, as many as the line carries]' -r
complete -c ttui -n "__fish_ttui_needs_command" -l encryption -d 'Whether connections to peers are encrypted [default: prefer-plain]' -r -f -a "prefer-plain\t'Dial plain, and encrypted where that fails; take both'
prefer\t'Dial encrypted, and plain where that fails; take both'
require\t'Dial and take encrypted connections only'
off\t'Dial and take plain connections only'"
complete -c ttui -n "__fish_ttui_needs_command" -l transport -d 'What connections to peers travel over [default: both]' -r -f -a "both\t'Dial over TCP, and over uTP where that does not get through; take both'
tcp\t'Dial and take TCP only'
utp\t'Dial and take uTP only'"
complete -c ttui -n "__fish_ttui_needs_command" -l dht-node -d 'Ask this node first where no known one answers, and none of the settings (may be given again)' -r
complete -c ttui -n "__fish_ttui_needs_command" -l gateway -d 'Ask this router [default: those of the system\'s default routes]' -r
complete -c ttui -n "__fish_ttui_needs_command" -l ratio -d 'Stop seeding when so often its length was sent, as 1.5 [default: never]' -r
complete -c ttui -n "__fish_ttui_needs_command" -l seed-time -d 'Stop seeding after so long, as 90m or 48h [default: never]' -r
complete -c ttui -n "__fish_ttui_needs_command" -l files -d 'Fetch only these files, by numbers as `ttui info` has them (0,2-5) or by a pattern of paths (\'extras/*.mkv\'; may be given again)' -r
complete -c ttui -n "__fish_ttui_needs_command" -l record -d 'Record the run into this new file, to be shown again with `ttui replay` (on the screen, R begins and ends a recording)' -r -F
complete -c ttui -n "__fish_ttui_needs_command" -l log -d 'Write a line to FILE for every announce, dial and handshake (RUST_LOG says how much)' -r -F
complete -c ttui -n "__fish_ttui_needs_command" -l config -d 'Take the settings from FILE [default: ttui/config.toml in the folder of settings]' -r -F
complete -c ttui -n "__fish_ttui_needs_command" -l theme -d 'Colours and accents [default: auto]' -r -f -a "auto\t'Dark or light, as the terminal\'s background is'
dark\t'For a dark background'
light\t'For a light background'
high-contrast\t'Nothing dim, stronger colours, more in bold; for the terminal\'s background'
mono\t'No colours at all'"
complete -c ttui -n "__fish_ttui_needs_command" -l color -d 'How many colours [default: auto]' -r -f -a "auto\t'What the terminal says it can show; none where NO_COLOR is set'
never\t'None'
16\t'The terminal\'s own sixteen'
256\t'256'
true\t'24 bits'"
complete -c ttui -n "__fish_ttui_needs_command" -l fps -d 'The most frames to draw a second [default: 30]' -r
complete -c ttui -n "__fish_ttui_needs_command" -l no-dht -d 'Find no peers through the DHT, and take no part in it'
complete -c ttui -n "__fish_ttui_needs_command" -l no-pex -d 'Take no peers that other peers name, and name none to them'
complete -c ttui -n "__fish_ttui_needs_command" -l no-lsd -d 'Find no clients on the local network, and tell them of no torrent'
complete -c ttui -n "__fish_ttui_needs_command" -l no-port-mapping -d 'Ask no router to hand on what comes to our port (PCP, NAT-PMP, UPnP)'
complete -c ttui -n "__fish_ttui_needs_command" -l seed -d 'Without a screen: go on seeding when complete'
complete -c ttui -n "__fish_ttui_needs_command" -l no-seed -d 'On the screen: end when complete'
complete -c ttui -n "__fish_ttui_needs_command" -l headless -d 'No screen, a line a second (as when standard output is no terminal)'
complete -c ttui -n "__fish_ttui_needs_command" -l json -d 'No screen, a line of JSON a second'
complete -c ttui -n "__fish_ttui_needs_command" -l sequential -d 'Fetch files one after the other, their first and last pieces early'
complete -c ttui -n "__fish_ttui_needs_command" -l paused -d 'Add, and wait: of a magnet link only the metadata is fetched; choose files on 5, and p starts'
complete -c ttui -n "__fish_ttui_needs_command" -l overwrite -d 'Write into files that are there already and are not of this torrent'
complete -c ttui -n "__fish_ttui_needs_command" -l metadata-only -d 'Of a magnet link: save its metadata as NAME.torrent in the output folder, and end (no screen)'
complete -c ttui -n "__fish_ttui_needs_command" -l sync -d 'Leave only when the disk has everything'
complete -c ttui -n "__fish_ttui_needs_command" -l privacy -d 'Made-up names instead of peers\' addresses, on the screen and in whatever is written'
complete -c ttui -n "__fish_ttui_needs_command" -l ascii -d 'Draw with plain ASCII characters only'
complete -c ttui -n "__fish_ttui_needs_command" -l no-mouse -d 'Leave the mouse to the terminal'
complete -c ttui -n "__fish_ttui_needs_command" -l print-config -d 'Write all settings with their defaults to standard output, as a file to begin with'
complete -c ttui -n "__fish_ttui_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ttui -n "__fish_ttui_needs_command" -s V -l version -d 'Print version'
complete -c ttui -n "__fish_ttui_needs_command" -a "info" -d 'Show what a torrent file says'
complete -c ttui -n "__fish_ttui_needs_command" -a "verify" -d 'Hash what is on disk and name the pieces that are bad or missing'
complete -c ttui -n "__fish_ttui_needs_command" -a "check" -d 'Dial every peer and report who shakes hands, and why the rest do not'
complete -c ttui -n "__fish_ttui_needs_command" -a "handshake" -d 'Shake hands with one peer and show every byte'
complete -c ttui -n "__fish_ttui_needs_command" -a "replay" -d 'Show a recorded run again, in the same screens: play, stop, step, faster, to the next failure, to a time'
complete -c ttui -n "__fish_ttui_needs_command" -a "demo" -d 'Download a made-up torrent from a small swarm inside this process: no network, no file needed'
complete -c ttui -n "__fish_ttui_needs_command" -a "completions" -d 'Write a completion script for a shell to standard output'
complete -c ttui -n "__fish_ttui_needs_command" -a "man" -d 'Write the manual page (roff) to standard output'
complete -c ttui -n "__fish_ttui_using_subcommand info" -l log -d 'Write a line to FILE for every announce, dial and handshake (RUST_LOG says how much)' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand info" -l config -d 'Take the settings from FILE [default: ttui/config.toml in the folder of settings]' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand info" -l theme -d 'Colours and accents [default: auto]' -r -f -a "auto\t'Dark or light, as the terminal\'s background is'
dark\t'For a dark background'
light\t'For a light background'
high-contrast\t'Nothing dim, stronger colours, more in bold; for the terminal\'s background'
mono\t'No colours at all'"
complete -c ttui -n "__fish_ttui_using_subcommand info" -l color -d 'How many colours [default: auto]' -r -f -a "auto\t'What the terminal says it can show; none where NO_COLOR is set'
never\t'None'
16\t'The terminal\'s own sixteen'
256\t'256'
true\t'24 bits'"
complete -c ttui -n "__fish_ttui_using_subcommand info" -l fps -d 'The most frames to draw a second [default: 30]' -r
complete -c ttui -n "__fish_ttui_using_subcommand info" -l json -d 'As one line of JSON'
complete -c ttui -n "__fish_ttui_using_subcommand info" -l ascii -d 'Draw with plain ASCII characters only'
complete -c ttui -n "__fish_ttui_using_subcommand info" -l no-mouse -d 'Leave the mouse to the terminal'
complete -c ttui -n "__fish_ttui_using_subcommand info" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ttui -n "__fish_ttui_using_subcommand verify" -s o -l output -d 'The folder it was downloaded into [default: the current one]' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand verify" -l files -d 'Look only at these files, by numbers as `ttui info` has them or by a pattern of paths (may be given again)' -r
complete -c ttui -n "__fish_ttui_using_subcommand verify" -l log -d 'Write a line to FILE for every announce, dial and handshake (RUST_LOG says how much)' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand verify" -l config -d 'Take the settings from FILE [default: ttui/config.toml in the folder of settings]' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand verify" -l theme -d 'Colours and accents [default: auto]' -r -f -a "auto\t'Dark or light, as the terminal\'s background is'
dark\t'For a dark background'
light\t'For a light background'
high-contrast\t'Nothing dim, stronger colours, more in bold; for the terminal\'s background'
mono\t'No colours at all'"
complete -c ttui -n "__fish_ttui_using_subcommand verify" -l color -d 'How many colours [default: auto]' -r -f -a "auto\t'What the terminal says it can show; none where NO_COLOR is set'
never\t'None'
16\t'The terminal\'s own sixteen'
256\t'256'
true\t'24 bits'"
complete -c ttui -n "__fish_ttui_using_subcommand verify" -l fps -d 'The most frames to draw a second [default: 30]' -r
complete -c ttui -n "__fish_ttui_using_subcommand verify" -l json -d 'As one line of JSON'
complete -c ttui -n "__fish_ttui_using_subcommand verify" -l ascii -d 'Draw with plain ASCII characters only'
complete -c ttui -n "__fish_ttui_using_subcommand verify" -l no-mouse -d 'Leave the mouse to the terminal'
complete -c ttui -n "__fish_ttui_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ttui -n "__fish_ttui_using_subcommand check" -l for -d 'How long it may take at most, as 30s, 2m or 500ms' -r
complete -c ttui -n "__fish_ttui_using_subcommand check" -s p -l port -d 'The port to listen on [default: any free one]' -r
complete -c ttui -n "__fish_ttui_using_subcommand check" -l peer -d 'Try this peer too (may be given again)' -r
complete -c ttui -n "__fish_ttui_using_subcommand check" -l encryption -d 'Whether connections to peers are encrypted [default: prefer-plain]' -r -f -a "prefer-plain\t'Dial plain, and encrypted where that fails; take both'
prefer\t'Dial encrypted, and plain where that fails; take both'
require\t'Dial and take encrypted connections only'
off\t'Dial and take plain connections only'"
complete -c ttui -n "__fish_ttui_using_subcommand check" -l transport -d 'What connections to peers travel over [default: both]' -r -f -a "both\t'Dial over TCP, and over uTP where that does not get through; take both'
tcp\t'Dial and take TCP only'
utp\t'Dial and take uTP only'"
complete -c ttui -n "__fish_ttui_using_subcommand check" -l dht-node -d 'Ask this node first where no known one answers, and none of the settings (may be given again)' -r
complete -c ttui -n "__fish_ttui_using_subcommand check" -l record -d 'Record the check into this new file, to be shown again with `ttui replay`' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand check" -l log -d 'Write a line to FILE for every announce, dial and handshake (RUST_LOG says how much)' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand check" -l config -d 'Take the settings from FILE [default: ttui/config.toml in the folder of settings]' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand check" -l theme -d 'Colours and accents [default: auto]' -r -f -a "auto\t'Dark or light, as the terminal\'s background is'
dark\t'For a dark background'
light\t'For a light background'
high-contrast\t'Nothing dim, stronger colours, more in bold; for the terminal\'s background'
mono\t'No colours at all'"
complete -c ttui -n "__fish_ttui_using_subcommand check" -l color -d 'How many colours [default: auto]' -r -f -a "auto\t'What the terminal says it can show; none where NO_COLOR is set'
never\t'None'
16\t'The terminal\'s own sixteen'
256\t'256'
true\t'24 bits'"
complete -c ttui -n "__fish_ttui_using_subcommand check" -l fps -d 'The most frames to draw a second [default: 30]' -r
complete -c ttui -n "__fish_ttui_using_subcommand check" -l json -d 'As one line of JSON'
complete -c ttui -n "__fish_ttui_using_subcommand check" -l csv -d 'As CSV, one line a peer'
complete -c ttui -n "__fish_ttui_using_subcommand check" -l markdown -d 'As Markdown'
complete -c ttui -n "__fish_ttui_using_subcommand check" -l no-dht -d 'Find no peers through the DHT, and take no part in it'
complete -c ttui -n "__fish_ttui_using_subcommand check" -l no-pex -d 'Take no peers that other peers name, and name none to them'
complete -c ttui -n "__fish_ttui_using_subcommand check" -l privacy -d 'Made-up names instead of peers\' addresses, in whatever is written'
complete -c ttui -n "__fish_ttui_using_subcommand check" -l ascii -d 'Draw with plain ASCII characters only'
complete -c ttui -n "__fish_ttui_using_subcommand check" -l no-mouse -d 'Leave the mouse to the terminal'
complete -c ttui -n "__fish_ttui_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ttui -n "__fish_ttui_using_subcommand handshake" -l encryption -d 'Whether the connection is encrypted' -r -f -a "prefer-plain\t'Dial plain, and encrypted where that fails; take both'
prefer\t'Dial encrypted, and plain where that fails; take both'
require\t'Dial and take encrypted connections only'
off\t'Dial and take plain connections only'"
complete -c ttui -n "__fish_ttui_using_subcommand handshake" -l transport -d 'What the connection travels over' -r -f -a "both\t'Dial over TCP, and over uTP where that does not get through; take both'
tcp\t'Dial and take TCP only'
utp\t'Dial and take uTP only'"
complete -c ttui -n "__fish_ttui_using_subcommand handshake" -l log -d 'Write a line to FILE for every announce, dial and handshake (RUST_LOG says how much)' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand handshake" -l config -d 'Take the settings from FILE [default: ttui/config.toml in the folder of settings]' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand handshake" -l theme -d 'Colours and accents [default: auto]' -r -f -a "auto\t'Dark or light, as the terminal\'s background is'
dark\t'For a dark background'
light\t'For a light background'
high-contrast\t'Nothing dim, stronger colours, more in bold; for the terminal\'s background'
mono\t'No colours at all'"
complete -c ttui -n "__fish_ttui_using_subcommand handshake" -l color -d 'How many colours [default: auto]' -r -f -a "auto\t'What the terminal says it can show; none where NO_COLOR is set'
never\t'None'
16\t'The terminal\'s own sixteen'
256\t'256'
true\t'24 bits'"
complete -c ttui -n "__fish_ttui_using_subcommand handshake" -l fps -d 'The most frames to draw a second [default: 30]' -r
complete -c ttui -n "__fish_ttui_using_subcommand handshake" -l json -d 'As one line of JSON'
complete -c ttui -n "__fish_ttui_using_subcommand handshake" -l ascii -d 'Draw with plain ASCII characters only'
complete -c ttui -n "__fish_ttui_using_subcommand handshake" -l no-mouse -d 'Leave the mouse to the terminal'
complete -c ttui -n "__fish_ttui_using_subcommand handshake" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ttui -n "__fish_ttui_using_subcommand replay" -l log -d 'Write a line to FILE for every announce, dial and handshake (RUST_LOG says how much)' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand replay" -l config -d 'Take the settings from FILE [default: ttui/config.toml in the folder of settings]' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand replay" -l theme -d 'Colours and accents [default: auto]' -r -f -a "auto\t'Dark or light, as the terminal\'s background is'
dark\t'For a dark background'
light\t'For a light background'
high-contrast\t'Nothing dim, stronger colours, more in bold; for the terminal\'s background'
mono\t'No colours at all'"
complete -c ttui -n "__fish_ttui_using_subcommand replay" -l color -d 'How many colours [default: auto]' -r -f -a "auto\t'What the terminal says it can show; none where NO_COLOR is set'
never\t'None'
16\t'The terminal\'s own sixteen'
256\t'256'
true\t'24 bits'"
complete -c ttui -n "__fish_ttui_using_subcommand replay" -l fps -d 'The most frames to draw a second [default: 30]' -r
complete -c ttui -n "__fish_ttui_using_subcommand replay" -l headless -d 'No screen, only how it ended (as when standard output is no terminal)'
complete -c ttui -n "__fish_ttui_using_subcommand replay" -l json -d 'No screen, how it ended as one line of JSON'
complete -c ttui -n "__fish_ttui_using_subcommand replay" -l ascii -d 'Draw with plain ASCII characters only'
complete -c ttui -n "__fish_ttui_using_subcommand replay" -l no-mouse -d 'Leave the mouse to the terminal'
complete -c ttui -n "__fish_ttui_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ttui -n "__fish_ttui_using_subcommand demo" -l record -d 'Record it into this new file, to be shown again with `ttui replay`' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand demo" -l log -d 'Write a line to FILE for every announce, dial and handshake (RUST_LOG says how much)' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand demo" -l config -d 'Take the settings from FILE [default: ttui/config.toml in the folder of settings]' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand demo" -l theme -d 'Colours and accents [default: auto]' -r -f -a "auto\t'Dark or light, as the terminal\'s background is'
dark\t'For a dark background'
light\t'For a light background'
high-contrast\t'Nothing dim, stronger colours, more in bold; for the terminal\'s background'
mono\t'No colours at all'"
complete -c ttui -n "__fish_ttui_using_subcommand demo" -l color -d 'How many colours [default: auto]' -r -f -a "auto\t'What the terminal says it can show; none where NO_COLOR is set'
never\t'None'
16\t'The terminal\'s own sixteen'
256\t'256'
true\t'24 bits'"
complete -c ttui -n "__fish_ttui_using_subcommand demo" -l fps -d 'The most frames to draw a second [default: 30]' -r
complete -c ttui -n "__fish_ttui_using_subcommand demo" -l fast -d 'In seconds instead of a minute'
complete -c ttui -n "__fish_ttui_using_subcommand demo" -l privacy -d 'Made-up names instead of peers\' addresses, on the screen and in whatever is written'
complete -c ttui -n "__fish_ttui_using_subcommand demo" -l ascii -d 'Draw with plain ASCII characters only'
complete -c ttui -n "__fish_ttui_using_subcommand demo" -l no-mouse -d 'Leave the mouse to the terminal'
complete -c ttui -n "__fish_ttui_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ttui -n "__fish_ttui_using_subcommand completions" -l log -d 'Write a line to FILE for every announce, dial and handshake (RUST_LOG says how much)' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand completions" -l config -d 'Take the settings from FILE [default: ttui/config.toml in the folder of settings]' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand completions" -l theme -d 'Colours and accents [default: auto]' -r -f -a "auto\t'Dark or light, as the terminal\'s background is'
dark\t'For a dark background'
light\t'For a light background'
high-contrast\t'Nothing dim, stronger colours, more in bold; for the terminal\'s background'
mono\t'No colours at all'"
complete -c ttui -n "__fish_ttui_using_subcommand completions" -l color -d 'How many colours [default: auto]' -r -f -a "auto\t'What the terminal says it can show; none where NO_COLOR is set'
never\t'None'
16\t'The terminal\'s own sixteen'
256\t'256'
true\t'24 bits'"
complete -c ttui -n "__fish_ttui_using_subcommand completions" -l fps -d 'The most frames to draw a second [default: 30]' -r
complete -c ttui -n "__fish_ttui_using_subcommand completions" -l ascii -d 'Draw with plain ASCII characters only'
complete -c ttui -n "__fish_ttui_using_subcommand completions" -l no-mouse -d 'Leave the mouse to the terminal'
complete -c ttui -n "__fish_ttui_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ttui -n "__fish_ttui_using_subcommand man" -l log -d 'Write a line to FILE for every announce, dial and handshake (RUST_LOG says how much)' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand man" -l config -d 'Take the settings from FILE [default: ttui/config.toml in the folder of settings]' -r -F
complete -c ttui -n "__fish_ttui_using_subcommand man" -l theme -d 'Colours and accents [default: auto]' -r -f -a "auto\t'Dark or light, as the terminal\'s background is'
dark\t'For a dark background'
light\t'For a light background'
high-contrast\t'Nothing dim, stronger colours, more in bold; for the terminal\'s background'
mono\t'No colours at all'"
complete -c ttui -n "__fish_ttui_using_subcommand man" -l color -d 'How many colours [default: auto]' -r -f -a "auto\t'What the terminal says it can show; none where NO_COLOR is set'
never\t'None'
16\t'The terminal\'s own sixteen'
256\t'256'
true\t'24 bits'"
complete -c ttui -n "__fish_ttui_using_subcommand man" -l fps -d 'The most frames to draw a second [default: 30]' -r
complete -c ttui -n "__fish_ttui_using_subcommand man" -l ascii -d 'Draw with plain ASCII characters only'
complete -c ttui -n "__fish_ttui_using_subcommand man" -l no-mouse -d 'Leave the mouse to the terminal'
complete -c ttui -n "__fish_ttui_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
