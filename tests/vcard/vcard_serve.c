/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard_serve.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MS 1000LL
#define RETRY (50 * MS)
#define CONNECT_MOST (500 * MS)

/* A contact card as assumed in the measurements of whole logins. */
#define COST_APDU (2 * MS)
#define COST_BYTE 90LL
#define COST_VERIFY (15 * MS)
#define COST_RSA (250 * MS)
#define COST_EC (80 * MS)
#define COST_RESET (40 * MS)

/* vpcd's one-byte payloads */
enum { VPCD_OFF, VPCD_ON, VPCD_RESET, VPCD_ATR = 4 };

int64_t vtime_now(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t))
		abort();
	return t.tv_sec * 1000 * MS + t.tv_nsec / 1000;
}

static void power_lost(struct vserver *s)
{
	vlink_close(&s->link);
	vpiv_reset(&s->piv);
	s->powered = false;
	s->phase = VPHASE_IDLE;
	s->retry = vtime_now() + RETRY;
}

void vserver_insert(struct vserver *s)
{
	s->inserted = true;
	s->retry = 0;
}

void vserver_remove(struct vserver *s)
{
	s->inserted = false;
	power_lost(s);
}

bool vserver_swap(struct vserver *s, const char *state, bool seen)
{
	struct vcard other;
	bool selected = s->piv.selected;

	if (!vcard_load(&other, state))
		return false;
	other.sync = s->card.sync;
	vcard_free(&s->card);
	s->card = other;
	if (seen) {
		vserver_remove(s);
		vserver_insert(s);
	} else {
		vpiv_reset(&s->piv);
		s->piv.selected = selected;
	}
	return true;
}

bool vserver_stalled(const struct vserver *s)
{
	return (s->phase == VPHASE_BEFORE && s->x.wait_before) ||
	       (s->phase == VPHASE_AFTER && s->x.wait_after);
}

void vserver_clear_faults(struct vserver *s)
{
	vfault_clear(&s->faults);
	if (vserver_stalled(s))
		s->due = 0;
}

static void wait_until(struct vserver *s, enum vphase phase, long ms, int64_t more)
{
	s->phase = phase;
	s->due = ms == VWAIT_ENDLESS ? VTIME_NEVER : vtime_now() + ms * MS + more;
}

static int64_t cost(const struct vserver *s)
{
	int64_t us = COST_APDU + COST_BYTE * (int64_t)(s->x.raw.len + s->x.resp.len);

	if (!s->timing)
		return 0;
	if (s->x.cmd.ins == 0x20 && s->x.cmd.lc)
		us += COST_VERIFY;
	if (s->piv.signed_with && !s->x.answered)
		us += s->piv.signed_with->rsa ? COST_RSA : COST_EC;
	return us;
}

static void finish(struct vserver *s)
{
	s->phase = VPHASE_IDLE;
	vlog_record(&s->log, &s->x.raw, &s->x.resp);
	if (!s->x.silent) {
		vlog_answer(s->entry, &s->x.resp);
		if (!vlink_send(&s->link, &s->x.resp)) {
			power_lost(s);
			return;
		}
	}
	if (s->x.pull)
		vserver_remove(s);
}

static void perform(struct vserver *s)
{
	int64_t us;

	if (!s->x.answered)
		vpiv_command(&s->piv, &s->x.cmd, &s->x.resp);
	vfault_after(&s->faults, &s->x);
	us = cost(s);
	if (us || s->x.wait_after)
		wait_until(s, VPHASE_AFTER, s->x.wait_after, us);
	else
		finish(s);
}

static void begin(struct vserver *s, struct vbuf *frame)
{
	struct vexchange *x = &s->x;
	struct vbuf raw = x->raw, resp = x->resp;
	bool well_formed;

	vbuf_copy(&raw, frame);
	vbuf_clear(&resp);
	*x = (struct vexchange){ .raw = raw, .resp = resp };
	s->piv.signed_with = NULL;
	well_formed = vapdu_parse(raw.data, raw.len, &x->cmd);
	if (!well_formed) {
		vbuf_add(&x->resp, "\x67\x00", 2);
		x->answered = true;
	}
	s->entry = vlog_command(&s->log, &x->cmd);
	if (well_formed)
		vfault_before(&s->faults, x);
	if (x->swap)
		vserver_swap(s, x->swap, false);
	if (x->wait_before)
		wait_until(s, VPHASE_BEFORE, x->wait_before, 0);
	else
		perform(s);
}

static void restart(struct vserver *s, enum vlog_event event)
{
	vlog_event(&s->log, event);
	vpiv_reset(&s->piv);
	s->powered = s->powered || event != VLOG_POWER_OFF;
	if (s->timing && event != VLOG_POWER_OFF)
		wait_until(s, VPHASE_RESET, 0, COST_RESET);
}

static void handle(struct vserver *s, struct vbuf *frame)
{
	VBUF_AUTO atr = { 0 };

	if (frame->len != 1) {
		begin(s, frame);
		return;
	}
	switch (frame->data[0]) {
	case VPCD_OFF:
		restart(s, VLOG_POWER_OFF);
		break;
	case VPCD_ON:
		restart(s, VLOG_POWER_ON);
		break;
	case VPCD_RESET:
		restart(s, VLOG_RESET);
		break;
	case VPCD_ATR:
		vpiv_atr(&s->piv, &atr);
		if (!vlink_send(&s->link, &atr))
			power_lost(s);
		break;
	default:
		break;
	}
}

static void advance(struct vserver *s)
{
	if (s->due > vtime_now())
		return;
	switch (s->phase) {
	case VPHASE_BEFORE:
		perform(s);
		break;
	case VPHASE_AFTER:
		finish(s);
		break;
	case VPHASE_RESET:
		s->phase = VPHASE_IDLE;
		break;
	case VPHASE_IDLE:
		break;
	}
}

static void keep_connected(struct vserver *s, short revents)
{
	int64_t now = vtime_now();

	if (s->link.fd >= 0 && !s->link.up) {
		if (revents && !vlink_finish(&s->link))
			power_lost(s);
		else if (!s->link.up && now > s->retry)
			power_lost(s);
	}
	if (s->inserted && s->link.fd < 0 && now >= s->retry)
		s->retry = vlink_open(&s->link) ? now + CONNECT_MOST : now + RETRY;
}

void vserver_step(struct vserver *s, short revents)
{
	VBUF_AUTO frame = { 0 };

	keep_connected(s, revents);
	if (s->link.up && revents && !vlink_read(&s->link) && !s->link.in.len)
		power_lost(s);
	if (s->link.up && revents & (POLLRDHUP | POLLHUP | POLLERR))
		power_lost(s);
	do {
		advance(s);
		if (s->phase != VPHASE_IDLE || !s->link.up || !vlink_frame(&s->link, &frame))
			return;
		handle(s, &frame);
	} while (true);
}

struct pollfd vserver_poll(struct vserver *s, int64_t *ret)
{
	struct pollfd p = { .fd = s->link.fd, .events = POLLIN | POLLRDHUP };

	*ret = VTIME_NEVER;
	if (s->link.fd >= 0 && !s->link.up)
		p.events = POLLOUT;
	if (!s->link.up && (s->inserted || s->link.fd >= 0))
		*ret = s->retry;
	if (s->phase != VPHASE_IDLE)
		*ret = s->due;
	return p;
}

void vserver_free(struct vserver *s)
{
	vlink_close(&s->link);
	vbuf_free(&s->link.in);
	vbuf_free(&s->x.raw);
	vbuf_free(&s->x.resp);
	vfault_clear(&s->faults);
	vpiv_free(&s->piv);
	vlog_record_to(&s->log, NULL);
	vcard_free(&s->card);
}
