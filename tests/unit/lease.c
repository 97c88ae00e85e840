/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events of clients: what servers say is taken where it is in its usual form, and told as refused where not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/lease.h>

#define EVENT(...) ((const char *const[]){ __VA_ARGS__, NULL })

static char folder[] = "/tmp/lease_test.XXXXXX";
static struct pt_arena *arena;
static struct pt_lease lease;

static int event(const char *const *env)
{
	return pt_lease_event(folder, env, NULL);
}

static int look(bool six)
{
	return pt_lease_read(folder, "wan", six, arena, &lease, NULL);
}

static int begin(void **state)
{
	(void)state;
	arena = pt_arena_new();
	return arena && mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	pt_arena_free(arena);
	(void)pt_lease_forget(folder, "wan", false, NULL);
	(void)pt_lease_forget(folder, "wan", true, NULL);
	return rmdir(folder);
}

static void test_taken(void **state)
{
	(void)state;
	assert_int_equal(event(EVENT("reason=BOUND", "interface=wan", "new_ip_address=10.0.0.5", "new_subnet_cidr=24",
				     "new_dhcp_lease_time=600", "new_routers=10.0.0.1 10.0.0.2", "new_domain_name=example.org")),
			 0);
	assert_int_equal(look(false), 0);
	assert_int_equal(lease.addresses.n, 1);
	assert_true(lease.addresses.v[0].prefix.addr.v == 0x0a000005 && lease.addresses.v[0].prefix.len == 24);
	assert_int_equal(lease.routers.n, 2);
	assert_string_equal(lease.domain, "example.org");
	assert_in_range(pt_lease_left(&lease, lease.addresses.v[0].valid), 590, 600);
	assert_null(lease.refused);
}

static void test_refused(void **state)
{
	static const char *const names[] = { "$(reboot)", "a\nb", "a\033]0;x\a", "-x", "a;b", "a`b`", "\xe2\x80\xae", "a/../b" };
	char text[300];

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(names); i++) {
		(void)snprintf(text, sizeof(text), "new_domain_name=%s", names[i]);
		assert_int_equal(event(EVENT("reason=RENEW", "interface=wan", "new_ip_address=10.0.0.5", text, "new_routers=127.0.0.1",
					     "new_interface_mtu=68", "new_ntp_servers=10.0.0.9 224.0.0.1")),
				 0);
		assert_int_equal(look(false), 0);
		assert_null(lease.domain);
		assert_int_equal(lease.routers.n, 0);
		assert_int_equal(lease.mtu, 0);
		assert_string_equal(lease.refused, "router ntp domain mtu");
	}
	memset(text, 'a', sizeof(text));
	memcpy(text, "new_host_name=", 14);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(event(EVENT("reason=RENEW", "interface=wan", "new_ip_address=10.0.0.5", text)), 0);
	assert_int_equal(look(false), 0);
	assert_null(lease.hostname);
}

/* What gives no address that a host could have changes nothing. */
static void test_no_address(void **state)
{
	static const char *const wrong[] = { "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "10.0.0.0", "10.0.0.255", "10.0.0.5/8",
					     "010.0.0.1", "", "fe80::1", "10.0.0.5 10.0.0.6" };
	char text[80];

	(void)state;
	assert_int_equal(event(EVENT("reason=BOUND", "interface=wan", "new_ip_address=10.0.0.7", "new_subnet_cidr=24")), 0);
	for (size_t i = 0; i < PT_ARRAY_SIZE(wrong); i++) {
		(void)snprintf(text, sizeof(text), "new_ip_address=%s", wrong[i]);
		assert_int_equal(event(EVENT("reason=BOUND", "interface=wan", text, "new_subnet_cidr=24")), -EINVAL);
	}
	assert_int_equal(event(EVENT("reason=BOUND", "interface=wan", "new_ip_address=10.0.0.5", "new_subnet_cidr=1")), -EINVAL);
	assert_int_equal(event(EVENT("reason=BOUND", "interface=../wan", "new_ip_address=10.0.0.5")), -EINVAL);
	assert_int_equal(event(EVENT("reason=BOUND", "new_ip_address=10.0.0.5")), -EINVAL);
	assert_int_equal(look(false), 0);
	assert_true(lease.addresses.v[0].prefix.addr.v == 0x0a000007);
}

static void test_six(void **state)
{
	(void)state;
	assert_int_equal(event(EVENT("reason=BOUND6", "interface=wan", "new_dhcp6_ia_na1_ia_addr1=2001:db8::5",
				     "new_dhcp6_ia_na1_ia_addr1_vltime=100", "new_dhcp6_ia_na1_ia_addr1_pltime=50",
				     "new_dhcp6_ia_na1_ia_addr2=fe80::1", "new_dhcp6_ia_na1_ia_addr2_vltime=100",
				     "new_dhcp6_ia_pd2_prefix1=2001:db8:100::", "new_dhcp6_ia_pd2_prefix1_length=56",
				     "new_dhcp6_ia_pd2_prefix1_vltime=100", "new_dhcp6_ia_pd2_prefix1_pltime=100")),
			 0);
	assert_int_equal(look(true), 0);
	assert_int_equal(lease.addresses.n, 1);
	assert_int_equal(lease.addresses.v[0].preferred, 50);
	assert_int_equal(lease.delegated.n, 1);
	assert_int_equal(lease.delegated.v[0].prefix.len, 56);
	assert_string_equal(lease.refused, "address");
}

/* A pulled cable is no end of a lease; a refusal is. */
static void test_end(void **state)
{
	static const char *const stays[] = { "reason=STOP", "reason=STOPPED", "reason=NOCARRIER", "reason=EXPIRE", "reason=CARRIER" };

	(void)state;
	assert_int_equal(event(EVENT("reason=BOUND", "interface=wan", "new_ip_address=10.0.0.7", "new_dhcp_lease_time=600")), 0);
	for (size_t i = 0; i < PT_ARRAY_SIZE(stays); i++) {
		assert_int_equal(event(EVENT(stays[i], "interface=wan")), 0);
		assert_int_equal(look(false), 0);
	}
	assert_int_equal(event(EVENT("reason=NAK", "interface=wan")), 0);
	assert_int_equal(look(false), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken), cmocka_unit_test(test_refused), cmocka_unit_test(test_no_address),
		cmocka_unit_test(test_six),   cmocka_unit_test(test_end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, begin, end);
}
