# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion of ptsh: ptsh itself knows its words.
function __ptsh_words
    set -l words (commandline -opc) (commandline -ct)
    ptsh complete -- $words[2..-1] 2>/dev/null
end
complete -c ptsh -a '(__ptsh_words)'
