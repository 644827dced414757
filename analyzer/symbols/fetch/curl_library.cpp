#include "symbols/fetch/curl_library.h"

#include <dlfcn.h>

namespace dumptriage::symbols::fetch {
namespace {

Result<Curl> load_functions() {
  void* library = nullptr;
  for (const char* name : {"libcurl.so.4", "libcurl-gnutls.so.4"})
    if (library == nullptr) library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    return fail(Code::unsupported, "fetching symbols",
                "libcurl (libcurl.so.4, Debian package libcurl4) is not installed here");
  Curl curl;
#define X(name)                                                                                    \
  curl.name = reinterpret_cast<decltype(curl.name)>(::dlsym(library, "curl_" #name));              \
  if (curl.name == nullptr)                                                                        \
    return fail(Code::unsupported, "fetching symbols", "this libcurl is too old: no curl_" #name);
  DUMPTRIAGE_CURL_FUNCTIONS(X)
#undef X
  if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return fail(Code::io, "fetching symbols", "libcurl cannot be initialised");
  return curl;
}

} // namespace

Result<const Curl*> Curl::load() {
  static const Result<Curl> curl = load_functions();
  if (!curl) return std::unexpected(curl.error());
  return &*curl;
}

} // namespace dumptriage::symbols::fetch
