/* A server that the program plays itself, in a thread. */
#include "check.h"

#include <stdint.h>

static int listening;

static void listen_as(const char *id) {
    CHECK(setenv("GAM_CLIENT_ID", id, 1) == 0);
    listening = meeting(id, bind);
    CHECK(listening >= 0 && listen(listening, 5) == 0);
}

/* Takes a client in and gives the wire number of its first request. */
static int welcome(uint16_t *number) {
    char credential;
    uint16_t header[5];
    char path[PATH_MAX];
    int client = accept(listening, NULL, NULL);
    CHECK(client >= 0 && recv(client, &credential, 1, MSG_WAITALL) == 1 && send(client, "", 1, 0) == 1);
    CHECK(recv(client, header, 10, MSG_WAITALL) == 10);
    CHECK(recv(client, path, header[4], MSG_WAITALL) == header[4]);
    *number = header[2];
    return client;
}

__attribute__((unused)) static size_t packet(char *bytes, uint16_t number, uint16_t code, const char *path) {
    uint16_t length = (uint16_t)strlen(path), header[5] = {(uint16_t)(10 + length), 1, number, code, length};
    memcpy(bytes, header, 10);
    memcpy(bytes + 10, path, length);
    return 10u + length;
}
