/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between hosts, listener and workers. SOCK_SEQPACKET on AF_UNIX: one message, one packet,
 * at most WIRE_MAX bytes. Layout: "CMFA", u16 version, u16 type, then fields in fixed order; numbers big-endian, strings u32 length + bytes
 * without NUL. Trailing or missing bytes, NULs in strings, values out of range: ERR_PROTOCOL, and *ret of wire_get_X() for a
 * whole message is untouched. The module links this with libc alone; nothing here logs, allocates or keeps state.
 */
#ifndef CARDMFA_WIRE_H
#define CARDMFA_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "secret.h"

#define WIRE_VERSION 1u         /* the daemon also speaks WIRE_VERSION_OLDEST .. */
#define WIRE_VERSION_OLDEST 1u
#define WIRE_MAX 24576

enum wire_type {
	/* host -> worker */
	WIRE_REQUEST = 1,
	WIRE_ANSWER = 2,
	/* worker -> host */
	WIRE_READY = 16,
	WIRE_MESSAGE = 17,
	WIRE_RESULT = 18,
	WIRE_RECORD = 19,
	/* listener <-> worker, over the control socket */
	WIRE_PEER = 32,
	WIRE_ASK = 33,
	WIRE_GIVEN = 34,
	WIRE_JUDGED = 35,
	/* starter <-> card process: card_link.h */
	WIRE_CARD_REQUEST = 48,
	WIRE_CARD_ANSWER = 49,
};

/* -- the buffer both sides build and take apart -- */
struct wire_buf {
	size_t len;             /* bytes that count */
	size_t at;              /* reading position */
	bool bad;               /* a put did not fit, or a get went wrong: sticky */
	unsigned char bytes[WIRE_MAX];
};
#define WIRE_BUF(name) struct wire_buf name __attribute__((cleanup(wire_wipe)))

/* Overwrites all of it: answers pass through here. */
void wire_wipe(struct wire_buf *b);
void wire_start(struct wire_buf *b, enum wire_type type);       /* writes the header of the present version */
void wire_put_u8(struct wire_buf *b, uint8_t v);
void wire_put_u32(struct wire_buf *b, uint32_t v);
void wire_put_i64(struct wire_buf *b, int64_t v);
void wire_put_bytes(struct wire_buf *b, const void *p, size_t len);
void wire_put_text(struct wire_buf *b, const char *s);          /* NULL is "" */

/* Checks the header. *version and *type are set when ERR_OK. */
MUST_USE enum err wire_open(struct wire_buf *b, unsigned *version, enum wire_type *type);
uint8_t wire_get_u8(struct wire_buf *b);
bool wire_get_bool(struct wire_buf *b);                         /* 0 or 1, else bad */
uint32_t wire_get_u32(struct wire_buf *b);
int64_t wire_get_i64(struct wire_buf *b);
/* At most max bytes; *len. */
void wire_get_bytes(struct wire_buf *b, void *dst, size_t max, size_t *len);
void wire_get_text(struct wire_buf *b, char *dst, size_t size); /* fits with NUL, holds none */
void wire_get_secret(struct wire_buf *b, struct secret *ret);
/* ERR_OK only if nothing went wrong and every byte was read. */
MUST_USE enum err wire_end(const struct wire_buf *b);

/*
 * One packet out or in, before the deadline. MSG_NOSIGNAL, EINTR handled. ERR_TIMEOUT; ERR_UNAVAILABLE: the other end is
 * gone; ERR_PROTOCOL: too long, empty, descriptors where none belong. fd -1: none; *ret_fd is -1 when none came (NULL: none is
 * accepted). A received descriptor is CLOEXEC and at least 3.
 */
MUST_USE enum err wire_send(int sock, const struct wire_buf *b, int fd, int64_t deadline);
MUST_USE enum err wire_recv(int sock, struct wire_buf *b, int *ret_fd, int64_t deadline);
/* The same, where it is known to be of this type. */
MUST_USE enum err wire_recv_type(int sock, struct wire_buf *b, enum wire_type type, int *ret_fd, int64_t deadline);

/* -- host -> worker: which entry point -- */
enum wire_op {
	WIRE_AUTH = 1,          /* pam_sm_authenticate */
	WIRE_ACCOUNT = 2,       /* pam_sm_acct_mgmt */
	WIRE_OPEN = 3,          /* pam_sm_open_session, the line before pam_systemd */
	WIRE_CONFIRM = 4,       /* pam_sm_open_session, the line after pam_systemd */
	WIRE_CLOSE = 5,         /* pam_sm_close_session, the line before pam_systemd */
	/* Those that only tell, in records; of cardtool. They change nothing. */
	WIRE_STATUS = 6,        /* what is known of the person whose real uid asks; the request names nobody */
	WIRE_EXPLAIN = 7,       /* what AUTH of this request would begin with */
	WIRE_SSH_KEYS = 8,      /* the keys that sshd may take from user; auth_info: "TYPE BASE64", only that one; nothing else is named */
	WIRE_SSH_STOPPED = 9,   /* the keys of all cards that are good no more; the request names nothing */
};

/* An entry point of the session group. */
static inline bool wire_is_session(enum wire_op op)
{
	return op == WIRE_OPEN || op == WIRE_CONFIRM || op == WIRE_CLOSE;
}

#define WIRE_FLAG_SILENT 0x8000u        /* PAM_SILENT of Linux-PAM: prompts, but no texts */

struct wire_request {
	enum wire_op op;
	uint32_t flags;         /* PAM flags as the host gave them */
	char service[65];
	char user[257];
	char rhost[1025];
	char tty[257];
	char auth_info[4097];   /* SSH_AUTH_INFO_0, auth and account only */
};
void wire_put_request(struct wire_buf *b, const struct wire_request *r);
MUST_USE enum err wire_get_request(struct wire_buf *b, unsigned version, struct wire_request *ret);

/* -- worker -> host -- */
/* READY: u32 milliseconds in which the next message comes at the latest; sent at once, and again before long work. */
#define WIRE_SILENCE_FIRST_MS 10000     /* module: until the first message */
#define WIRE_SILENCE_MAX_MS 180000      /* module: whatever READY says */
void wire_put_ready(struct wire_buf *b, uint32_t silence_ms);
MUST_USE enum err wire_get_ready(struct wire_buf *b, uint32_t *silence_ms);

/* MESSAGE: to be shown by the conversation. Styles are PAM's. An ANSWER follows the two prompts only. */
enum wire_style { WIRE_PROMPT_HIDDEN = 1, WIRE_PROMPT_SHOWN = 2, WIRE_ERROR = 3, WIRE_INFO = 4 };
#define WIRE_TEXT_MAX 481               /* below PAM_MAX_MSG_SIZE */
struct wire_message {
	enum wire_style style;
	uint32_t number;        /* counts the prompts of this call; the answer repeats it */
	char text[WIRE_TEXT_MAX];
};
void wire_put_message(struct wire_buf *b, const struct wire_message *m);
MUST_USE enum err wire_get_message(struct wire_buf *b, struct wire_message *ret);

/* ANSWER: given false: the conversation failed or was cancelled, and there is no text. */
struct wire_answer {
	uint32_t number;
	bool given;
	struct secret text;
};
void wire_put_answer(struct wire_buf *b, const struct wire_answer *a);
MUST_USE enum err wire_get_answer(struct wire_buf *b, struct wire_answer *ret);

/*
 * RESULT ends the call. Allowed only when verdict is exactly VERDICT_ALLOW and result ERR_OK: the patterns differ in
 * more than three bits from each other and from zero.
 */
#define VERDICT_ALLOW 0x5A3C96E1u
#define VERDICT_DENY  0xA5C3691Eu
struct wire_result {
	uint32_t verdict;
	enum err result;        /* of a later daemon: maybe a number without a name here */
	uint32_t runtime_max_s; /* OPEN: systemd.runtime_max_sec for pam_systemd, 0: none */
};
void wire_put_result(struct wire_buf *b, const struct wire_result *r);
MUST_USE enum err wire_get_result(struct wire_buf *b, struct wire_result *ret);

/*
 * RECORD: one thing that is told, at most WIRE_RECORDS_MAX of them before the RESULT, of SSH_STOPPED WIRE_STOPPED_MAX. Times are UTC
 * seconds, -1: none; names of states and results are the store's and the error list's.
 */
#define WIRE_RECORDS_MAX 256
#define WIRE_STOPPED_MAX 1000000
#define WIRE_NAME_SIZE 33
#define WIRE_LABEL_SIZE 257
#define WIRE_PLACE_SIZE 81
#define WIRE_WAY_SIZE 137
#define WIRE_DETAIL_SIZE 2049
#define WIRE_OPTIONS_SIZE 1025
#define WIRE_KEY_SIZE 801

enum wire_record_kind {
	WIRE_RECORD_PERSON = 1, /* first; without it the name is no registered person's */
	WIRE_RECORD_CARD,
	WIRE_RECORD_COUNT,
	/* EXPLAIN only */
	WIRE_RECORD_PLACE,
	WIRE_RECORD_CLASS,      /* in the order of the file, up to the one that applies */
	WIRE_RECORD_WAY,        /* the alternatives of that class */
	WIRE_RECORD_EVENT,      /* the newest login of the person */
	/* SSH_KEYS and SSH_STOPPED only */
	WIRE_RECORD_KEY,
};

/* Why an alternative can't be completed. */
enum wire_obstacle { WIRE_WAY_OPEN = 0, WIRE_WAY_REMOTE, WIRE_WAY_SESSION, WIRE_WAY_NO_CARD, WIRE_WAY_NO_APP, WIRE_WAY_NO_PASSWORD };

/* Conditions of a class: bits of enum policy_condition. */
#define WIRE_CONDITIONS 31u

struct wire_record {
	enum wire_record_kind kind;
	union {
		struct wire_person {
			char login[WIRE_NAME_SIZE], state[WIRE_NAME_SIZE];
			int64_t app_at, password_at;
			int64_t last_at, failures, failure_at;  /* failures since last_at */
			char last_from[WIRE_PLACE_SIZE], failure_from[WIRE_PLACE_SIZE];
		} person;
		struct wire_card {
			char id[WIRE_NAME_SIZE], label[WIRE_LABEL_SIZE], state[WIRE_NAME_SIZE];
			int64_t not_after, last_used_at;
			char usable[WIRE_NAME_SIZE];    /* "OK", or why a login refuses it: "REVOKED" */
			/* EXPLAIN only: how a reader's card is recognised. Length 0 or 16. */
			size_t guid_len;
			unsigned char guid[16];
		} card;
		struct wire_count {
			char origin[WIRE_PLACE_SIZE];
			int64_t failed, last_at, locked_until;
		} count;
		struct wire_place {
			bool remote, fallback, full;    /* last good configuration; no space for the store */
			char origin[WIRE_PLACE_SIZE], address[WIRE_PLACE_SIZE];
		} place;
		struct wire_class {
			char name[WIRE_NAME_SIZE];
			uint32_t line, attempts;
			int64_t lock_s;
			uint8_t stated, unmet;          /* which conditions it has, which do not hold here */
			bool applies;
		} class_of;
		struct wire_way {
			char factors[WIRE_WAY_SIZE];
			enum wire_obstacle obstacle;
		} way;
		struct wire_event {
			int64_t seq, at;
			char type[WIRE_PLACE_SIZE], result[WIRE_NAME_SIZE], card[WIRE_NAME_SIZE], service[WIRE_PLACE_SIZE];
			char detail[WIRE_DETAIL_SIZE];  /* a JSON object */
		} event;
		/* The parts of a line of authorized_keys: visible ASCII, and one blank in `key`. */
		struct wire_key {
			char card[WIRE_NAME_SIZE];
			char options[WIRE_OPTIONS_SIZE];        /* "restrict,pty", "" for none */
			char key[WIRE_KEY_SIZE];                /* "TYPE BASE64" */
		} key;
	};
};
void wire_put_record(struct wire_buf *b, const struct wire_record *r);
MUST_USE enum err wire_get_record(struct wire_buf *b, struct wire_record *ret);

/* -- listener <-> worker -- */
/* PEER, once at the start: what the kernel says of the host process. Never from a message or the environment. */
struct wire_peer {
	bool root_socket;       /* came through the root socket */
	int64_t pid, start;     /* start time: /proc/PID/stat field 22 */
	int64_t parent, parent_start;
	int64_t ruid, euid;     /* of the process when it connected */
	int64_t loginuid, audit_session;        /* 4294967295: none */
	char exe[257];          /* "" when it can't be known */
	char cgroup[1025];      /* path in the unified hierarchy (else the one named systemd), "" unknown */
	bool config_fallback;   /* the configuration in use is the last good one, the present file is broken */
};
void wire_put_peer(struct wire_buf *b, const struct wire_peer *p);
MUST_USE enum err wire_get_peer(struct wire_buf *b, struct wire_peer *ret);

/* ASK: a worker needs something bounded. GIVEN answers each, in order. */
enum wire_ask {
	WIRE_ASK_CARD = 1,      /* a card process; GIVEN brings its socket */
	WIRE_ASK_HASH = 2,      /* a place to run Argon2; kept until HASH_DONE or the worker's end */
	WIRE_ASK_HASH_DONE = 3, /* no answer */
};
void wire_put_ask(struct wire_buf *b, enum wire_ask what, int64_t group);       /* group: fairness among origins, any number */
MUST_USE enum err wire_get_ask(struct wire_buf *b, enum wire_ask *what, int64_t *group);
void wire_put_given(struct wire_buf *b, enum err result);
MUST_USE enum err wire_get_given(struct wire_buf *b, enum err *ret);

/* JUDGED: of a worker that was started to judge the configuration and finds it good. keys_uid: of `keys-user`, -1: there is no such account. */
void wire_put_judged(struct wire_buf *b, int64_t keys_uid);
MUST_USE enum err wire_get_judged(struct wire_buf *b, int64_t *keys_uid);

/* -- how the listener starts a worker -- */
#define WIRE_FD_HOST 3          /* the connection, first message waiting in it */
#define WIRE_FD_CONTROL 4       /* socketpair to the listener, SOCK_SEQPACKET */
#define WIRE_FD_CONFIG 5        /* sealed memory file with the configuration in use */
#define WIRE_FD_KEYS 6          /* store key file */

#endif
