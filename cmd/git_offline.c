/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/git_offline.c - relctl-git reads a repository and speaks to nobody.
 *
 * Where libgit2 is built with mbedTLS it reads the certificates of all the
 * world's authorities whenever it starts, and has no option against it: 7 of
 * the 8 ms that it takes. In this program mbedTLS's function is this one. So
 * there are none, and no connection could be trusted, if ever one was made.
 */
int mbedtls_x509_crt_parse_file(void *chain, const char *path);

int mbedtls_x509_crt_parse_file(void *chain, const char *path)
{
	(void)chain;
	(void)path;
	return 0;
}
