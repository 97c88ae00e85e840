# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion of ptdiag: ptdiag itself knows its words.
function __ptdiag_words
    set -l words (commandline -opc) (commandline -ct)
    ptdiag complete -- $words[2..-1] 2>/dev/null
end
complete -c ptdiag -a '(__ptdiag_words)'
