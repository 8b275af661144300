#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what stands in single quotes is for bash -c

load helper

setup() {
	private
}

# A script that is correct, and says every command and option.
complete_script() { # SHELL CHECK…
	try completion "$1"
	expect 0 "$output" ""
	printf '%s\n' "$output" >script
	relctl help --table | tr ' ' '\n' | sort -u | while read -r word; do
		case $1:$word in
		fish:--*) word="-l ${word#--}" ;;
		fish:-*) word="-s ${word#-}" ;;
		bash:-?) continue ;; # a letter saves no typing
		esac
		grep -qwF -e "$word" script || (echo "missing: $word" && false)
	done
	command -v "$2" >/dev/null || skip "$1 is not installed"
	shift
	run --separate-stderr "$@" script
	expect 0 "" ""
}

@test "bash: the script is correct and complete" {
	complete_script bash bash -n
}

@test "zsh: the script is correct and complete" {
	complete_script zsh zsh -n
}

@test "fish: the script is correct and complete" {
	complete_script fish fish --no-execute
}

# candidates WORD…: what bash offers for the last WORD.
candidates() {
	run --separate-stderr bash -c '
		compopt() { echo "compopt $*"; }
		eval "$("$RELCTL" completion bash)"
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_relctl
		echo "${COMPREPLY[*]}"' bash "$@"
}

@test "bash: a command, also after global options" {
	candidates relctl compl
	expect 0 completion ""
	candidates relctl -q --store /s compl
	expect 0 completion ""
	candidates relctl help compl
	expect 0 completion ""
}

@test "bash: options and the values that the tables know" {
	candidates relctl help --js
	expect 0 --json ""
	candidates relctl completion ""
	has "$output" "bash zsh fish"
	candidates relctl --color a
	expect 0 "auto always" ""
	candidates relctl help --color n
	expect 0 never ""
	candidates relctl --store ""
	expect 0 "compopt -o dirnames" ""
	candidates relctl --app ""
	expect 0 "" ""
}

@test "an unknown shell is a usage error" {
	try completion tcsh
	expect 2 "" "error: there is no completion for 'tcsh'"
	try completion
	expect 2 "" "error: 'completion' needs an argument
usage: relctl completion [OPTIONS] bash|zsh|fish
hint: 'relctl help completion' shows more"
}
