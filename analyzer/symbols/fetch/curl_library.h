// libcurl, loaded when something is fetched: it pulls in some 40 shared libraries, which a program
// that mostly works offline must not pay for at every start, and a machine without it still runs
// everything else.  Only the functions named here are used.
#pragma once

// The options that 7.85 replaced are the ones that every libcurl understands.
#define CURL_DISABLE_DEPRECATION
#include <curl/curl.h>

#include "base/error.h"

namespace dumptriage::symbols::fetch {

struct Curl {
#define DUMPTRIAGE_CURL_FUNCTIONS(X)                                                               \
  X(global_init)                                                                                   \
  X(easy_init)                                                                                     \
  X(easy_setopt)                                                                                   \
  X(easy_getinfo)                                                                                  \
  X(easy_cleanup)                                                                                  \
  X(easy_strerror)                                                                                 \
  X(slist_append)                                                                                  \
  X(slist_free_all)                                                                                \
  X(multi_init)                                                                                    \
  X(multi_add_handle)                                                                              \
  X(multi_remove_handle)                                                                           \
  X(multi_perform)                                                                                 \
  X(multi_poll)                                                                                    \
  X(multi_info_read)                                                                               \
  X(multi_cleanup)
// Without the macros of the header, which forward to the functions.
#define X(name) decltype(&(curl_##name)) name = nullptr;
  DUMPTRIAGE_CURL_FUNCTIONS(X)
#undef X

  // Loaded once and kept.  An error when this machine has no libcurl.
  static Result<const Curl*> load();
};

} // namespace dumptriage::symbols::fetch
