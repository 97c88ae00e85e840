/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * OpenSSL, loaded when a handshake is asked for. Its two libraries are five megabytes and a millisecond of every start,
 * and of all that stands on this library only a few questions need them; what is linked would be loaded by each tool.
 */
#ifndef DIAG_OPENSSL_H
#define DIAG_OPENSSL_H

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "diag/load.h"

#define OPENSSL_TLS_CALLS(F)                                                                                     \
	F(OPENSSL_init_ssl) F(TLS_client_method) F(SSL_CTX_new) F(SSL_CTX_free) F(SSL_CTX_ctrl) F(SSL_CTX_set_verify) \
	F(SSL_CTX_set_cipher_list) F(SSL_CTX_load_verify_locations) F(SSL_new) F(SSL_free) F(SSL_set_fd)              \
	F(SSL_connect) F(SSL_read) F(SSL_write) F(SSL_get_error) F(SSL_ctrl) F(SSL_set1_host) F(SSL_get0_param)       \
	F(SSL_get_version) F(SSL_get_current_cipher) F(SSL_CIPHER_get_name) F(SSL_get_verify_result)                  \
	F(SSL_get1_peer_certificate) F(SSL_get_peer_cert_chain) F(SSL_set_alpn_protos) F(SSL_get0_alpn_selected)

#define OPENSSL_CRYPTO_CALLS(F)                                                                                  \
	F(X509_VERIFY_PARAM_set1_ip_asc) F(X509_verify_cert_error_string) F(X509_check_host) F(X509_check_ip_asc)     \
	F(X509_free) F(X509_get_subject_name) F(X509_get_issuer_name) F(X509_NAME_print_ex) F(X509_get0_notBefore)    \
	F(X509_get0_notAfter) F(ASN1_TIME_to_tm) F(X509_get0_pubkey) F(EVP_PKEY_get0_type_name) F(EVP_PKEY_get_bits)  \
	F(EVP_PKEY_get_group_name) F(X509_get_ext_d2i) F(GENERAL_NAMES_free) F(OPENSSL_sk_num) F(OPENSSL_sk_value)     \
	F(ASN1_STRING_get0_data) F(ASN1_STRING_length) F(X509_digest) F(EVP_sha256) F(X509_get0_serialNumber)         \
	F(X509_get_signature_nid) F(OBJ_nid2ln) F(BIO_new) F(BIO_s_mem) F(BIO_ctrl) F(BIO_free) F(ERR_clear_error)     \
	F(ERR_peek_error) F(ERR_reason_error_string)

struct openssl {
	OPENSSL_TLS_CALLS(LOAD_MEMBER)
	OPENSSL_CRYPTO_CALLS(LOAD_MEMBER)
};

#include "diag/stream.h"

/* tls_certificate.c */
int tls_certificate(const struct openssl *o, X509 *x, struct pt_arena *a, struct pt_tls_certificate *out);

#endif
