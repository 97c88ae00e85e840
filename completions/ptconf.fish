# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion of ptconf: ptconf itself knows its words.
function __ptconf_words
    set -l words (commandline -opc) (commandline -ct)
    ptconf complete -- $words[2..-1] 2>/dev/null
end
complete -c ptconf -a '(__ptconf_words)'
