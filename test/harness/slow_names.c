/* Preloaded under a broker: the name "zookeeper.slow" takes its name server 25 s. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

typedef int (*look_up)(const char*, const char*, const struct addrinfo*, struct addrinfo**);

int getaddrinfo(const char* name, const char* service, const struct addrinfo* hints,
                struct addrinfo** found) {
  if (name != NULL && strcmp(name, "zookeeper.slow") == 0) {
    sleep(25);
    return EAI_AGAIN;
  }
  look_up real = (look_up)dlsym(RTLD_NEXT, "getaddrinfo");
  return real(name, service, hints, found);
}
