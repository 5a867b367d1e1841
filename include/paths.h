/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are. Fixed at build time; nothing at run time moves them. */
#ifndef CARDMFA_PATHS_H
#define CARDMFA_PATHS_H

/* CARDMFA_SYSCONFDIR (/etc), CARDMFA_LOCALSTATEDIR (/var), CARDMFA_RUNDIR (/run), CARDMFA_LIBEXECDIR, CARDMFA_BINDIR come from the build. */
#define PATH_CONF_DIR    CARDMFA_SYSCONFDIR "/cardmfa"
#define PATH_CONF        PATH_CONF_DIR "/cardmfa.conf"
#define PATH_KEY_DIR     PATH_CONF_DIR "/keys"                          /* root 0700 */
#define PATH_KEY_FILE    PATH_KEY_DIR "/store.key"                      /* root 0600 */
#define PATH_STORE_DIR   CARDMFA_LOCALSTATEDIR "/lib/cardmfa"           /* cardmfa 0700 */
#define PATH_STATE_DIR   CARDMFA_LOCALSTATEDIR "/lib/cardmfad"          /* root 0700 */
#define PATH_LAST_GOOD   PATH_STATE_DIR "/cardmfa.conf.last-good"       /* root 0600 */
#define PATH_RUN_DIR     CARDMFA_RUNDIR "/cardmfa"                      /* root 0755 */
#define PATH_ROOT_SOCKET PATH_RUN_DIR "/cardmfad.sock"                  /* root 0600 */
#define PATH_USER_SOCKET PATH_RUN_DIR "/user.sock"                      /* root 0666 */
#define PATH_READER_LOCK PATH_RUN_DIR "/reader.lock"                    /* root 0600 */
#define PATH_WORKER      CARDMFA_LIBEXECDIR "/cardmfa-worker"
#define PATH_CARD        CARDMFA_LIBEXECDIR "/cardmfa-card"
#define PATH_CARDTOOL    CARDMFA_BINDIR "/cardtool"
#define PATH_SSHD_SAMPLE CARDMFA_DATADIR "/cardmfa/sshd.conf"               /* the sample */
#define USER_WORKER      "cardmfa"
#define USER_CARD        "cardmfa-card"
#define USER_KEYS        "cardmfa-keys"                                 /* unless the configuration names another */

#endif
