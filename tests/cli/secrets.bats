#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A secret value is in no output, in no file of the store, in no argument list.
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helper set them

load helper

setup() {
	private
	shop
	secret=sentinel$RANDOM$RANDOM$RANDOM
	log=$HOME/log
	: >"$log"
}

# say ARG…: relctl, with all that it says in $log.
say() {
	relctl "$@" >>"$log" 2>&1 || echo "status $?" >>"$log"
}

# try_any ARG…: as try, and 127 is no surprise.
try_any() {
	# shellcheck disable=SC2034 # output and stderr are the test's
	{
		status=0
		output=$(relctl "$@" 2>"$HOME/stderr") || status=$?
		stderr=$(cat "$HOME/stderr")
	}
}

# clean: the secret is nowhere but where it may be.
clean() {
	local file

	if grep -n -e "$secret" -e "$(base64 <<<"$secret" | cut -c1-12)" "$log"
	then
		echo "said"
		return 1
	fi
	while IFS= read -r -d '' file; do
		# What is compressed is looked at both ways.
		if grep -q "$secret" "$file" || { [[ $file = *.zst ]] &&
			zstd -qdc "$file" | grep -q "$secret"; }; then
			echo "in $file"
			return 1
		fi
	done < <(find "$XDG_DATA_HOME" "$XDG_CONFIG_HOME" -type f -print0)
	! find "$XDG_DATA_HOME" | grep "$secret" || return 1
}

@test "a value from an env file, stdin and --set: in no output, in no file" {
	printf 'TOKEN=%s\nOTHER=1\n' "$secret" >../prod.env
	say release -e ../prod.env -v
	say config set "PASSWORD=$secret" -v
	relctl -q config set PIN >>"$log" 2>&1 <<<"$secret"
	say config set OTHER="$secret"
	say config set OTHER=2
	another two
	say release -v
	for c in releases 'releases --all --json' show 'show v1 --json' config \
		'config --json' 'diff v1' 'diff v1 v4 --json' apps artifacts \
		'artifacts --json' verify 'verify --all -v' 'verify --json' \
		'gc -n' gc 'pin v1' 'rollback -n' 'rollback -n --json' \
		rollback 'rollback v1 --keep OTHER' 'rollback v2 --json' \
		'rollback --code' 'release --json --unset TOKEN' \
		'config unset PASSWORD --json' 'show --reveal' \
		'activate v1' key 'key --json' doctor 'export v1 --mtree' \
		'run worker --restart=never' 'run --once worker' 'exec true' \
		'exec nosuch' 'promote shop other' 'export v1'; do
		# shellcheck disable=SC2086 # words
		say $c
	done
	clean
	[ "$(relctl -q exec -r v1 printenv TOKEN)" = "$secret" ]
}

@test "a value typed at a terminal" {
	terminal --type 'TOKEN (not shown): ' "$secret"$'\n' \
		"$RELCTL" release --set TOKEN
	[ "$status" = 0 ]
	echo "$output" >>"$log"
	clean
	[ "$(value TOKEN)" = "$secret" ]
}

@test "env files that are not valid" {
	local n=0

	while IFS= read -r -d '' text; do
		printf '%b' "${text//@/$secret}" >../bad.env
		try release -e ../bad.env
		[ "$status" = 2 ] || (printf '%q: %s\n' "$text" "$status" &&
			false)
		[ "$output" = "" ]
		echo "$stderr" >>"$log"
		say release -e ../bad.env --json
		[ "$(grep -c '^error: ' <<<"$stderr")" = 1 ]
		n=$((n + 1))
	done < <(printf '%s\0' \
		'A=@ @\n' 'A=@#@\n' 'A="@$B"\n' 'A="@\\x"\n' "A='@\n" 'A="@\n' \
		'A=@"@"\n' 'A="@"@\n' "A='@'@\n" 'A=@\\\n@\n' 'export A=@\n' \
		'A =@\n' 'A: @\n' '@\n' '1@=@\n' 'A-@=@\n' 'A=1\nA=@\n' \
		'A=@\nB=2\nA=@\n' 'A=@`@`\n' 'A=$@\n' 'A=@\tx\n' 'A=@\r@\n' \
		'\xef\xbb\xbfA=@\n' 'A=@\x00@\n' 'A=@\xff\n' '  A=@\n@=1\n' \
		'PS=@\n' 'RELCTL_X=@\n' "A='x\ny@\n" 'A="\n@\n' '=@\n')
	[ "$n" = 31 ]
	clean
	try releases
	[ "$status" = 5 ]
}

@test "slips of the hand that put a value where none belongs" {
	relctl -q release --set "TOKEN=$secret"
	for c in "release TOKEN=$secret" "release -e TOKEN=$secret" \
		"release --unset TOKEN=$secret" "config TOKEN=$secret" \
		"config sett TOKEN=$secret" "config unset TOKEN=$secret" \
		"rollback --keep TOKEN=$secret" "rollback TOKEN=$secret" \
		"show TOKEN=$secret" "diff TOKEN=$secret" \
		"TOKEN=$secret release" "--TOKEN=$secret" \
		"release --token=$secret" "release --generate=$secret" \
		"releases TOKEN=$secret" "releases --limit TOKEN=$secret" \
		"--color TOKEN=$secret releases" "help TOKEN=$secret" \
		"exec TOKEN=$secret true" "exec -r TOKEN=$secret true" \
		"run --once TOKEN=$secret" "run --once -r TOKEN=$secret" \
		"-a TOKEN=$secret releases" "promote TOKEN=$secret shop" \
		"promote shop TOKEN=$secret" "export TOKEN=$secret" \
		"pin TOKEN=$secret" "activate TOKEN=$secret" \
		"verify TOKEN=$secret" "verify --expect-head TOKEN=$secret" \
		"gc TOKEN=$secret" "key TOKEN=$secret" "config set 1=$secret" \
		"config set A-B=$secret" "config set =$secret" \
		"config set PS=$secret" "release --set A-B=$secret"; do
		# shellcheck disable=SC2086 # words
		try_any $c
		[ "$status" != 0 ] || (echo "$c is fine?" && false)
		has "$stderr" "error: "
		printf '%s\n' "$output" "$stderr" >>"$log"
		[[ $output$stderr != *"$secret"* ]] ||
			(echo "$c: $stderr" && false)
		# shellcheck disable=SC2086
		say --json $c
	done
	clean
}

@test "no child is started with a value in its arguments" {
	command -v strace >/dev/null || skip "strace is not installed"
	printf 'TOKEN=%s\n' "$secret" >../prod.env
	export ASAN_OPTIONS=detect_leaks=0 # which can't be under strace
	strace -f -qq -e trace=execve -s 9999 -v -o "$HOME/trace" \
		"$RELCTL" -q release -e ../prod.env
	relctl -q config set A=1 >/dev/null
	strace -f -qq -e trace=execve -s 9999 -o "$HOME/trace2" \
		"$RELCTL" -q rollback
	strace -f -qq -e trace=execve -s 9999 -o "$HOME/trace3" \
		"$RELCTL" -q diff v1 v2 || true
	strace -f -qq -e trace=execve -s 9999 -o "$HOME/trace4" \
		"$RELCTL" -q exec printenv TOKEN >seen
	grep -q execve "$HOME/trace"
	run ! grep -h "$secret" "$HOME/trace" "$HOME/trace2" "$HOME/trace3" \
		"$HOME/trace4"
	# In the environment of the app it is where it belongs.
	[ "$(cat seen)" = "$secret" ]
}

@test "a repository's URL is kept without its credentials" {
	git remote set-url origin "https://ada:$secret@git.example.com/shop.git"
	say build
	commit "More"
	say build -v
	say release
	say show
	say show --json
	say artifacts --json
	grep -q '"origin":"https://git.example.com/shop.git"' "$log"
	clean
}

@test "a damaged config does not come out in the error" {
	relctl -q release --set "TOKEN=$secret" >/dev/null
	for file in "$RELCTL_STORE"/configs/*.cms; do
		cp -f "$file" "$HOME/saved"
		chmod u+w "$file"
		printf x | dd of="$file" bs=1 seek=120 conv=notrunc status=none
		say exec true
		say show --reveal
		say rollback
		say config set A=1
		say verify --all
		cp "$HOME/saved" "$file"
	done
	grep -q "error: " "$log"
	clean
}
