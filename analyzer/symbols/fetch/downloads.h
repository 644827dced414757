// Files over HTTP and HTTPS, several at once, each tried again when the server or the way to it
// fails: with growing pauses, going on where a cut connection stopped when the server proves by its
// ETag that it is still the same file (RFC 9110, sections 13.1.5 and 14).  What arrives goes into a
// file without a name.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "base/mapped_file.h"
#include "symbols/fetch/curl_library.h"
#include "symbols/fetch/fetch.h"

namespace dumptriage::symbols::fetch {

struct Answer {
  enum class Kind {
    got,
    absent,  // the server does not have it, or does not show it
    refused, // asking again would not help
    failed,  // every try failed
  };
  Kind kind = Kind::failed;
  std::shared_ptr<const MappedFile> file; // got
  bool sure = false;                      // absent: by 404 or 410, not by 403
  bool unreachable = false;               // failed: no connection to the server
  std::string why;                        // not for got
};

struct Request {
  std::string url;
  std::uint64_t most_bytes = 0;
  unsigned tries = 1;
};

class Downloads {
public:
  using Done = std::function<void(Answer)>;
  Downloads(const Curl& curl, const Options& options);
  ~Downloads();
  Downloads(const Downloads&) = delete;
  Downloads& operator=(const Downloads&) = delete;

  // `done` is called by run() and may start more.
  void start(Request request, Done done);
  // Until nothing is left to do; `tick` is called now and then.
  void run(const std::function<void()>& tick);
  std::uint64_t bytes() const { return bytes_; } // of all bodies so far

private:
  struct Transfer;
  void begin(Transfer& transfer);
  void end(Transfer& transfer, CURLcode code);
  int wait_for() const; // milliseconds until something has to be begun
  static std::size_t take_header(char* data, std::size_t, std::size_t size, void* transfer);
  static std::size_t take_body(char* data, std::size_t, std::size_t size, void* transfer);

  const Curl& curl_;
  const Options& options_;
  CURLM* multi_ = nullptr;
  std::list<std::unique_ptr<Transfer>> transfers_;
  std::uint64_t bytes_ = 0;
};

// The path of a URL: everything but letters, digits and "-._~/" is escaped (RFC 3986, section 2).
std::string escaped(std::string_view path);

} // namespace dumptriage::symbols::fetch
