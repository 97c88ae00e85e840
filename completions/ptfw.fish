# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion of ptfw: ptfw itself knows its words.
function __ptfw_words
    set -l words (commandline -opc) (commandline -ct)
    ptfw complete -- $words[2..-1] 2>/dev/null
end
complete -c ptfw -a '(__ptfw_words)'
