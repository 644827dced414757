#include "symbols/fetch/downloads.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"

namespace dumptriage::symbols::fetch {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kTick{200};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "bytes 100-199/200"; a size of '*' is not known.
struct ContentRange {
  std::optional<std::uint64_t> start, size;
};
ContentRange read_range(std::string_view text) {
  ContentRange range;
  std::size_t dash = text.find('-'), slash = text.find('/');
  if (!text.starts_with("bytes ") || dash == std::string_view::npos ||
      slash == std::string_view::npos)
    return range;
  range.start = number(text.substr(6, dash - 6));
  range.size = number(text.substr(slash + 1));
  return range;
}

enum class Fate { got, absent, refused, again };

Fate fate_of_status(long status) {
  if (status == 200 || status == 206) return Fate::got;
  // Storage services answer 403 for what is not there when the list of names is not public.
  if (status == 404 || status == 410 || status == 403) return Fate::absent;
  bool later = status == 408 || status == 416 || status == 425 || status == 429 || status >= 500;
  return later ? Fate::again : Fate::refused;
}

Fate fate_of_code(CURLcode code) {
  switch (code) {
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_URL_MALFORMAT:
  case CURLE_TOO_MANY_REDIRECTS:
  case CURLE_FILESIZE_EXCEEDED:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_OUT_OF_MEMORY:
  case CURLE_LOGIN_DENIED: return Fate::refused;
  default: return Fate::again;
  }
}

bool no_connection(CURLcode code) {
  return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
         code == CURLE_COULDNT_CONNECT;
}

} // namespace

struct Downloads::Transfer {
  Downloads* owner = nullptr;
  Request request;
  Done done;
  CURL* easy = nullptr; // while it runs
  curl_slist* headers = nullptr;
  Clock::time_point begin_at = Clock::now();
  unsigned tried = 0;
  bool over = false; // `done` was told

  std::optional<TemporaryFile> file;
  std::string etag;                   // of what lies in `file`
  std::optional<std::uint64_t> whole; // its size, as a range said

  // Of the answer at hand.
  std::string new_etag, range;
  bool body = false;          // its first bytes were seen
  bool wanted_body = false;   // it is the file
  bool start_over = false;    // what lies in `file` is of no use
  std::optional<Error> error; // of ours: no room, too large

  bool resumes() const { return file && file->size() != 0 && !etag.empty(); }
  bool begin_body();
  bool add(ByteView bytes);
  std::string why(const Curl& curl, CURLcode code, long status) const;
};

// What the status and the headers make of the bytes that follow.
bool Downloads::Transfer::begin_body() {
  body = true;
  long status = 0;
  owner->curl_.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  wanted_body = fate_of_status(status) == Fate::got;
  if (!wanted_body) return true;
  if (status == 206) {
    ContentRange there = read_range(range);
    if (resumes() && there.start == file->size() && new_etag == etag) {
      whole = there.size;
      return true;
    }
    start_over = true;
    error = Error{Code::bad_value, "", "the server sent another part than was asked for", {}};
    return false;
  }
  auto created = TemporaryFile::create();
  if (!created) {
    error = std::move(created.error());
    return false;
  }
  file = std::move(*created);
  whole.reset();
  // Only a strong tag says that two answers are the same bytes.
  etag = new_etag.starts_with('"') ? new_etag : "";
  return true;
}

bool Downloads::Transfer::add(ByteView bytes) {
  if (!body && !begin_body()) return false;
  if (!wanted_body) return true;
  if (bytes.size() > request.most_bytes - std::min(request.most_bytes, file->size())) {
    error =
        Error{Code::limit, "", fmt::format("it is larger than {} bytes", request.most_bytes), {}};
    return false;
  }
  owner->bytes_ += bytes.size();
  auto stored = file->append(bytes);
  if (!stored) error = std::move(stored.error());
  return stored.has_value();
}

std::string Downloads::Transfer::why(const Curl& curl, CURLcode code, long status) const {
  if (error) return error->what.empty() ? error->why : error->what + ": " + error->why;
  if (code != CURLE_OK) return lower(curl.easy_strerror(code));
  return fmt::format("HTTP status {}", status);
}

std::size_t Downloads::take_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::string_view line(data, size);
  if (line.starts_with("HTTP/")) { // one block of headers for every redirect
    transfer.new_etag.clear();
    transfer.range.clear();
    return size;
  }
  std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  std::string_view name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
  if (equals_no_case(name, "etag")) transfer.new_etag = value;
  if (equals_no_case(name, "content-range")) transfer.range = value;
  return size;
}

std::size_t Downloads::take_body(char* data, std::size_t, std::size_t size, void* user) {
  return static_cast<Transfer*>(user)->add(ByteView(data, size)) ? size : 0;
}

Downloads::Downloads(const Curl& curl, const Options& options)
    : curl_(curl), options_(options), multi_(curl.multi_init()) {}

Downloads::~Downloads() {
  for (const auto& transfer : transfers_) {
    if (transfer->easy == nullptr) continue;
    curl_.multi_remove_handle(multi_, transfer->easy);
    curl_.easy_cleanup(transfer->easy);
    curl_.slist_free_all(transfer->headers);
  }
  if (multi_ != nullptr) curl_.multi_cleanup(multi_);
}

void Downloads::start(Request request, Done done) {
  auto transfer = std::make_unique<Transfer>();
  transfer->owner = this;
  transfer->request = std::move(request);
  transfer->done = std::move(done);
  transfers_.push_back(std::move(transfer));
}

void Downloads::begin(Transfer& transfer) {
  ++transfer.tried;
  transfer.body = transfer.wanted_body = transfer.start_over = false;
  transfer.error.reset();
  CURL* easy = transfer.easy = curl_.easy_init();
  if (easy == nullptr || multi_ == nullptr) return end(transfer, CURLE_OUT_OF_MEMORY);
  auto set = [&](CURLoption option, auto value) { curl_.easy_setopt(easy, option, value); };
  const std::string& url = transfer.request.url;
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, options_.user_agent.c_str());
  // Never from a secure server to one that anybody on the way can change; never to file://.
  set(CURLOPT_PROTOCOLS, long{CURLPROTO_HTTP | CURLPROTO_HTTPS});
  set(CURLOPT_REDIR_PROTOCOLS, lower(url.substr(0, 6)) == "https:"
                                   ? long{CURLPROTO_HTTPS}
                                   : long{CURLPROTO_HTTP | CURLPROTO_HTTPS});
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, options_.most_redirects);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, options_.slow_bytes_per_second);
  set(CURLOPT_LOW_SPEED_TIME, options_.slow_seconds);
  set(CURLOPT_HEADERFUNCTION, &Downloads::take_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  set(CURLOPT_WRITEFUNCTION, &Downloads::take_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set(CURLOPT_PRIVATE, static_cast<void*>(&transfer));
  if (transfer.resumes()) {
    set(CURLOPT_RANGE, fmt::format("{}-", transfer.file->size()).c_str());
    transfer.headers = curl_.slist_append(nullptr, ("If-Range: " + transfer.etag).c_str());
    set(CURLOPT_HTTPHEADER, transfer.headers);
  }
  curl_.multi_add_handle(multi_, easy);
}

void Downloads::end(Transfer& transfer, CURLcode code) {
  long status = 0;
  curl_off_t pause = 0;
  if (transfer.easy != nullptr) {
    curl_.easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    curl_.easy_getinfo(transfer.easy, CURLINFO_RETRY_AFTER, &pause);
    if (code == CURLE_OK && fate_of_status(status) == Fate::got && !transfer.body &&
        !transfer.begin_body()) // an empty file
      code = CURLE_WRITE_ERROR;
    curl_.multi_remove_handle(multi_, transfer.easy);
    curl_.easy_cleanup(transfer.easy);
    curl_.slist_free_all(transfer.headers);
    transfer.easy = nullptr;
    transfer.headers = nullptr;
  }
  Fate fate = code == CURLE_OK ? fate_of_status(status) : fate_of_code(code);
  if (transfer.error && !transfer.start_over) fate = Fate::refused;
  if (fate == Fate::got && transfer.whole && *transfer.whole != transfer.file->size()) {
    fate = Fate::again;
    transfer.start_over = true;
  }
  if (transfer.start_over || status == 416) transfer.file.reset();
  Answer answer;
  answer.why = transfer.why(curl_, code, status);
  if (fate == Fate::again && transfer.tried < transfer.request.tries) {
    auto wait = options_.first_pause * (1u << std::min(transfer.tried - 1, 16u));
    wait =
        std::max(wait, milliseconds(std::chrono::seconds(std::clamp<curl_off_t>(pause, 0, 3600))));
    transfer.begin_at = Clock::now() + std::min(wait, options_.longest_pause);
    return;
  }
  transfer.over = true;
  answer.kind = fate == Fate::absent    ? Answer::Kind::absent
                : fate == Fate::refused ? Answer::Kind::refused
                                        : Answer::Kind::failed;
  answer.sure = status != 403;
  answer.unreachable = no_connection(code);
  if (fate == Fate::got) {
    auto file = MappedFile::adopt(std::move(*transfer.file),
                                  {url_for_people(transfer.request.url), {}, {}});
    if (file)
      answer = {Answer::Kind::got, std::move(*file), false, false, {}};
    else
      answer.why = file.error().message();
  } else if (transfer.tried > 1) {
    answer.why += fmt::format(", {} times", transfer.tried);
  }
  transfer.done(std::move(answer));
}

int Downloads::wait_for() const {
  auto wait = std::chrono::duration_cast<milliseconds>(kTick);
  for (const auto& transfer : transfers_) {
    if (transfer->easy != nullptr || transfer->over) continue;
    auto left = std::chrono::ceil<milliseconds>(transfer->begin_at - Clock::now());
    wait = std::clamp(left, milliseconds(0), wait);
  }
  return static_cast<int>(wait.count());
}

void Downloads::run(const std::function<void()>& tick) {
  while (!transfers_.empty()) {
    // `done` may start more: the list grows at its end while it is walked.
    for (const auto& transfer : transfers_)
      if (transfer->easy == nullptr && !transfer->over && transfer->begin_at <= Clock::now())
        begin(*transfer);
    int running = 0, messages = 0;
    curl_.multi_perform(multi_, &running);
    while (CURLMsg* message = curl_.multi_info_read(multi_, &messages)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURLcode code = message->data.result;
      Transfer* transfer = nullptr;
      curl_.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      end(*transfer, code);
    }
    transfers_.remove_if([](const auto& transfer) { return transfer->over; });
    if (tick) tick();
    if (!transfers_.empty()) curl_.multi_poll(multi_, nullptr, 0, wait_for(), nullptr);
  }
}

std::string escaped(std::string_view path) {
  std::string out;
  for (unsigned char c : path) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 std::string_view("-._~/").find(static_cast<char>(c)) != std::string_view::npos;
    out += plain ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", c);
  }
  return out;
}

} // namespace dumptriage::symbols::fetch
