#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# fixtures.sh DIR - makes DIR/NAME for every fixture: small git repositories
# whose commits are the same bytes on every machine, as nothing in them depends
# on the clock, the user, the locale or git's configuration.
set -eu
cd "$1"

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_ATTR_NOSYSTEM=1
export GIT_AUTHOR_NAME='A U Thor' GIT_AUTHOR_EMAIL=author@example.com
export GIT_AUTHOR_DATE='1112911993 -0700'
export GIT_COMMITTER_NAME='C O Mitter' GIT_COMMITTER_EMAIL=c@example.com
export GIT_COMMITTER_DATE='1212911993 +0200'
export LC_ALL=C TZ=UTC
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY
umask 022

# Into a new repository, and out of it with all there is committed.
begin() {
	git init -q -b main "$1"
	cd "$1"
	git config uploadpack.allowFilter true
	git config uploadpack.allowAnySHA1InWant true
	git config maintenance.auto false
	git config core.autocrlf false
}

finish() {
	git add -A
	git commit -q --allow-empty -m "${1:-all}"
	cd ..
}

# repeat N TEXT
repeat() {
	printf "%0${1}d" 0 | sed "s|0|$2|g"
}

# bytes N: N bytes that compress, but are not all alike.
bytes() {
	seq 1 "$1" | head -c "$1"
}

begin empty
finish

begin one
echo hello >hello.txt
finish

begin modes
printf '#!/bin/sh\necho hi\n' >run
chmod 755 run
echo data >data
mkdir -p bin lib/sub
echo x >lib/x
ln -s ../lib/x bin/x
ln -s lib library
ln -s not-there dangling
ln -s . here
ln -s ../.. lib/sub/top
ln -s './/lib/./x' odd
: >nothing
finish

begin names
# Composed and decomposed, beyond 16 bits, a noncharacter, a private one.
for name in $'caf\303\251' $'cafe\314\201' $'\360\237\232\200' \
	$'\357\277\277' $'\356\200\200' $'\343\201\202.txt' \
	$'\327\251\327\234\327\225\327\235' \
	' ' ' lead' 'trail ' 'two  words' '-rf' '--' '~' '#x' '*' '?' '[a]' \
	"it's" '"quoted"' 'back\slash' "\$HOME" "\`id\`" ';' '&' '|' 'a:b' \
	'%s%n' ._mac .DS_Store .hidden ... .... .gitkeep .gitignorex git a.git; do
	printf '%s\n' "$name" >"./$name"
done
mkdir "$(repeat 255 n)"
touch "$(repeat 255 n)/$(repeat 255 m)"
finish

begin bytes
touch $'caf\351' $'\377\376' $'\200' $'half\303' $'over\300\257'
mkdir $'d\351'
ln -s $'../caf\351' $'d\351/link'
ln -s $'d\351' $'to-d\351'
finish

begin deep
d=d
for _ in $(seq 2 255); do
	d=d/$d
done
mkdir -p "$d"
echo bottom >"$d/f"
finish

begin long
n49=$(repeat 49 a)
mkdir -p "$n49/$(repeat 48 b)" "$n49/$(repeat 49 b)" "$n49/$(repeat 50 b)"
for n in 99 100 101; do
	echo "$n" >"$(repeat "$n" f)"
	mkdir "$(repeat "$n" D)"
	echo "$n" >"$(repeat "$n" D)/x"
	ln -s "$(repeat "$n" t)" "target-$n"
	ln -s "$(repeat "$n" t)" "$(repeat "$n" l)"
done
for n in 48 49 50; do
	echo "$n" >"$n49/$(repeat "$n" c)"
	echo "$n" >"$n49/$(repeat "$n" b)/x"
done
echo 255 >"$(repeat 255 z)"
ln -s "$(repeat 255 z)" to-255
ln -s "$(repeat 2047 u/)u" to-4095
# 60 times e and a combining accent: 180 bytes that nobody may compose.
nfd=$(repeat 60 $'e\314\201')
mkdir "$nfd"
echo nfd >"$nfd/$nfd"
ln -s "$nfd/$nfd" to-nfd
for n in 984 985 986 987 988 989 990 991; do
	ln -s "$(repeat "$n" v)" "to-$n"
done
d=$(repeat 200 p)
mkdir -p "$d/$d/$d/$d"
for n in 184 185 186 187; do
	echo "$n" >"$d/$d/$d/$d/$(repeat "$n" q)"
done
finish

begin big
for n in 524287 524288 524289 1048576 1600007; do
	bytes "$n" >"big-$n"
done
bytes 700000 >"$(repeat 120 w)"
head -c 600000 /dev/zero >zeros
echo small >zz
finish

begin edge
for n in 0 1 511 512 513 1023 1024 65535 65536 65537 66048; do
	bytes "$n" >"size-$n"
done
finish

begin many
for i in $(seq 1 12); do
	mkdir "dir$i"
	for k in $(seq 1 50); do
		printf "%0$((i * k * 7 % 3001 + 1))d\n" "$k" >"dir$i/f$k"
	done
done
finish

# What is committed before the attributes are there is not converted.
begin attributes
printf 'one\ntwo\n' >unix.txt
printf 'one\r\ntwo\r\n' >dos.txt
# shellcheck disable=SC2016 # the dollar signs are the content
printf '$Id$ $Id: 0000000000000000000000000000000000000000 $\n' >x.id
echo quiet >x.f
# shellcheck disable=SC2016
printf '$Format:%%H %%cI$\n' >x.subst
printf '\376\377\0h\0i' >x.utf16
echo secret >secret
git add -A
cat >.gitattributes <<-'END'
	*.txt text eol=crlf
	*.id ident
	*.f filter=shout diff=x
	*.subst export-subst
	secret export-ignore
	*.utf16 text working-tree-encoding=UTF-16
	*.bin -text
END
mkdir sub
echo '* export-ignore' >sub/.gitattributes
echo kept >sub/kept
git add .gitattributes sub
git commit -q -m all
cd ..

begin app
mkdir bin
# shellcheck disable=SC2016 # the app's shell expands it
printf 'web: bin/web --port $PORT\nworker: bin/worker\n' >Procfile
cat >app.json <<-'END'
	{
	  "env": {
	    "DATABASE_URL": {"description": "where the data is"},
	    "SECRET_KEY": {"generator": "secret"},
	    "MODE": "fast"
	  },
	  "formation": {"web": {"quantity": 2}}
	}
END
printf '#!/bin/sh\nexec sleep 60\n' >bin/web
cp bin/web bin/worker
chmod 755 bin/*
echo 'X=1' >.env
finish

begin order
mkdir a b b.d foo foo.d
touch a- a. a/x a0 a+ 'a b' b- b/x b.c b.d/x b0
touch foo.c foo/bar foo-bar foo.d/x 'foo!' fooz foo~ f
finish

begin case
mkdir Dir dir DIR
touch README readme Readme Dir/a dir/A DIR/a dir/a
finish

begin history
echo 1 >a
git add -A
git commit -q -m first
git tag -a -m tag v1
git checkout -q -b side
echo side >b
git add -A
git commit -q -m side
git checkout -q main
echo 2 >a
git commit -q -a -m second
git merge -q -m merge side
git branch -q -d side
echo 3 >a
finish third

begin binary
for i in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do
	for k in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do
		# shellcheck disable=SC2059 # the format is the byte
		printf "\\x$i$k"
	done
done >all
cat all all all all >twice
head -c 300000 /dev/zero >zeros
{
	printf '\037\213\010'
	bytes 1000
} >fake.gz
{
	printf 'ustar\0'
	head -c 1024 /dev/zero
} >fake.tar
finish
