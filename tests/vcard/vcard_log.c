/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard_log.h"

#include <stdarg.h>
#include <string.h>

static const char *const event_names[VLOG_EVENTS] = { "APDU", "POWEROFF", "POWERON", "RESET" };

static struct vlog_entry *log_next(struct vlog *l)
{
	struct vlog_entry *e = &l->entries[l->count++ % VLOG_ENTRIES];

	*e = (struct vlog_entry){ 0 };
	return e;
}

struct vlog_entry *vlog_command(struct vlog *l, const struct vapdu *a)
{
	struct vlog_entry *e = log_next(l);

	e->name = vapdu_name(a);
	memcpy(e->head, (const uint8_t[]){ a->cla, a->ins, a->p1, a->p2 }, sizeof(e->head));
	e->lc = a->lc;
	l->total++;
	l->by_name[e->name]++;
	return e;
}

void vlog_answer(struct vlog_entry *e, const struct vbuf *resp)
{
	if (resp->len < 2)
		return;
	e->rlen = resp->len - 2;
	e->sw = (uint16_t)(resp->data[resp->len - 2] << 8 | resp->data[resp->len - 1]);
}

void vlog_event(struct vlog *l, enum vlog_event event)
{
	log_next(l)->event = event;
	l->events[event]++;
}

void vlog_reset_counts(struct vlog *l)
{
	l->total = 0;
	memset(l->by_name, 0, sizeof(l->by_name));
	memset(l->events, 0, sizeof(l->events));
}

static void __attribute__((format(printf, 2, 3)))
add_text(struct vbuf *out, const char *format, ...)
{
	char text[128];
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	vbuf_add(out, text, len > 0 && len < (int)sizeof(text) ? (size_t)len : 0);
}

void vlog_counts(const struct vlog *l, struct vbuf *out)
{
	add_text(out, "total=%u", l->total);
	for (int i = 0; i < VAPDU_NAMES && vapdu_name_text(i); i++) {
		if (l->by_name[i])
			add_text(out, " %s=%u", vapdu_name_text(i), l->by_name[i]);
	}
	add_text(out, " resets=%u power=%u off=%u", l->events[VLOG_RESET], l->events[VLOG_POWER_ON],
		 l->events[VLOG_POWER_OFF]);
}

void vlog_text(const struct vlog *l, struct vbuf *out)
{
	size_t first = l->count > VLOG_ENTRIES ? l->count - VLOG_ENTRIES : 0;

	for (size_t i = first; i < l->count; i++) {
		const struct vlog_entry *e = &l->entries[i % VLOG_ENTRIES];

		add_text(out, "%s", i > first ? " " : "");
		if (e->event != VLOG_APDU)
			add_text(out, "%s", event_names[e->event]);
		else
			add_text(out, "%s,%02X%02X%02X%02X,%zu,%zu,%04X", vapdu_name_text(e->name),
				 e->head[0], e->head[1], e->head[2], e->head[3], e->lc, e->rlen,
				 e->sw);
	}
}

bool vlog_record_to(struct vlog *l, const char *path)
{
	if (l->record)
		fclose(l->record);
	l->record = path ? fopen(path, "we") : NULL;
	return !path || l->record;
}

void vlog_record(struct vlog *l, const struct vbuf *raw, const struct vbuf *resp)
{
	VBUF_AUTO masked = { 0 };
	VBUF_AUTO line = { 0 };

	if (!l->record)
		return;
	vbuf_copy(&masked, raw);
	if (raw->len > 5 && raw->data[1] == 0x20)
		memset(masked.data + 5, 0xFF, masked.len - 5);
	vhex_add(&line, masked.data, masked.len);
	vbuf_byte(&line, ' ');
	vhex_add(&line, resp->data, resp->len);
	if (!resp->len)
		vbuf_byte(&line, '-');
	vbuf_byte(&line, '\n');
	fwrite(line.data, 1, line.len, l->record);
	fflush(l->record);
}
