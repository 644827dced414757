#include "symbols/fetch/fetch.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "symbols/fetch/cache.h"
#include "symbols/fetch/downloads.h"
#include "symbols/store.h"

namespace dumptriage::symbols::fetch {
namespace {

// A server that failed so many files is not asked for the rest.
constexpr unsigned kMostFailures = 3;
constexpr std::uint64_t kSmall = 64 << 10; // of file.ptr and index2.txt

struct Server {
  const SymbolServer& named;
  bool two_tiers = false;
  unsigned failures = 0;
  std::string given_up; // why, once it was
};

// What a server is asked for one file, in this order.
struct Candidate {
  std::string path; // below the server's URL, or a URL of its own (from a file.ptr)
  Slot slot;        // where it belongs when it is the file
  bool pointer = false;
};

struct Job {
  const Wanted& wanted;
  Outcome& outcome;
  std::size_t server = 0;
  std::vector<Candidate> candidates;
  std::size_t next = 0;
  bool surely_absent = true;
  bool failed = false; // some server may have it
};

// A page for people in place of the file, as proxies and portals send it.
bool is_web_page(ByteView bytes) {
  std::string_view text = bytes.clamp(0, 512).chars();
  std::size_t first = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  return first != std::string_view::npos && text[first] == '<';
}

// A file as the store will open it, checked; the error says what it is instead.
Result<std::shared_ptr<const MappedFile>> checked(std::shared_ptr<const MappedFile> file,
                                                  const Wanted& wanted) {
  if (is_web_page(file->bytes()))
    return fail(Code::bad_magic, file->path(), "it sent a web page instead of the file");
  auto unpacked = unpack_stored(std::move(file));
  if (!unpacked) return std::unexpected(std::move(unpacked.error()));
  auto right = wanted.kind == Wanted::Kind::image ? check_image(*unpacked, wanted.key)
                                                  : check_symbols(*unpacked, wanted.key);
  if (!right) return std::unexpected(std::move(right.error()));
  return *unpacked;
}

std::vector<Candidate> candidates_of(const Wanted& wanted, bool two_tiers) {
  std::vector<Candidate> list;
  const std::string lowered = lower(wanted.slot.folder);
  auto add = [&](const std::string& folder, const std::string& file, const Slot& slot,
                 bool pointer = false) {
    std::string path = slot_path({folder, file}, wanted.key);
    if (two_tiers) path = tier_of(folder) + "/" + path;
    list.push_back({escaped(path), slot, pointer});
  };
  const Slot& slot = wanted.slot;
  add(slot.folder, slot.file, slot);
  add(slot.folder, packed_name(slot.file), slot);
  if (lowered != slot.folder) { // Windows servers do not care, storage services do
    add(lowered, lower(slot.file), slot);
    add(lowered, packed_name(lower(slot.file)), slot);
  }
  if (wanted.kind == Wanted::Kind::image)
    for (const std::string& name : image_names(slot.file))
      if (name != slot.file) {
        add(name, name, {name, name});
        add(name, packed_name(name), {name, name});
      }
  if (wanted.kind == Wanted::Kind::breakpad) return list;
  add(slot.folder, "file.ptr", slot, /*pointer=*/true);
  if (wanted.kind != Wanted::Kind::pdb) return list;
  std::string sym = std::string(stem(slot.file)) + ".sym"; // servers of Breakpad symbols
  add(slot.folder, sym, {slot.folder, sym});
  return list;
}

class Run {
public:
  Run(const Curl& curl, const std::vector<SymbolServer>& servers, const Options& options)
      : options_(options), downloads_(curl, options) {
    for (const SymbolServer& server : servers) servers_.push_back({server, false, 0, {}});
  }

  std::vector<Outcome> all(const std::vector<Wanted>& wanted) {
    std::vector<Outcome> outcomes(wanted.size());
    progress_.all = wanted.size();
    find_tiers();
    for (std::size_t i = 0; i < wanted.size(); ++i)
      waiting_.push_back(std::make_shared<Job>(Job{wanted[i], outcomes[i]}));
    std::reverse(waiting_.begin(), waiting_.end());
    for (unsigned i = 0; i < std::max(options_.at_once, 1u); ++i) next_job();
    run();
    return outcomes;
  }

private:
  void run() {
    downloads_.run([this] {
      progress_.bytes = downloads_.bytes();
      if (options_.progress) options_.progress(progress_);
    });
  }

  Request request(std::string url, std::uint64_t most) const {
    return {std::move(url), most, options_.tries};
  }

  // A store of two tiers says so by an index2.txt in its root.
  void find_tiers() {
    for (Server& server : servers_) {
      Request index = request(server.named.url + "/index2.txt", kSmall);
      index.tries = 1;
      downloads_.start(std::move(index), [&server](Answer answer) {
        server.two_tiers = answer.kind == Answer::Kind::got && !is_web_page(answer.file->bytes());
      });
    }
    run();
  }

  void next_job() {
    if (waiting_.empty()) return;
    std::shared_ptr<Job> job = std::move(waiting_.back());
    waiting_.pop_back();
    progress_.name = job->wanted.slot.file;
    if (!usable_name(job->wanted.slot.folder) || !usable_name(job->wanted.slot.file)) {
      job->outcome.why = "its name cannot be a file's";
      return finish(std::move(job), Outcome::Result::failed);
    }
    ask_server(std::move(job));
  }

  void finish(std::shared_ptr<Job> job, Outcome::Result result) {
    job->outcome.result = result;
    if (result == Outcome::Result::fetched) job->outcome.why.clear();
    ++progress_.done;
    next_job();
  }

  void ask_server(std::shared_ptr<Job> job) {
    for (; job->server < servers_.size(); ++job->server) {
      Server& server = servers_[job->server];
      if (!server.given_up.empty()) {
        complain(*job, server.given_up);
      } else if (known_missing(server.named.caches.front(), server.named.url, job->wanted,
                               options_.missing_for)) {
        add_why(*job, "was not there when last asked");
      } else {
        job->candidates = candidates_of(job->wanted, server.two_tiers);
        job->next = 0;
        job->surely_absent = true;
        return ask(std::move(job));
      }
    }
    const auto result = job->failed ? Outcome::Result::failed : Outcome::Result::missing;
    finish(std::move(job), result);
  }

  void ask(std::shared_ptr<Job> job) {
    Server& server = servers_[job->server];
    if (job->next == job->candidates.size()) {
      if (job->surely_absent)
        remember_missing(server.named.caches.front(), server.named.url, job->wanted);
      add_why(*job, "does not have it");
      return next_server(std::move(job));
    }
    const Candidate& candidate = job->candidates[job->next];
    std::string url =
        is_url(candidate.path) ? candidate.path : server.named.url + "/" + candidate.path;
    Request what = request(std::move(url), candidate.pointer ? kSmall : options_.most_bytes);
    downloads_.start(std::move(what),
                     [this, job](Answer answer) { answered(job, std::move(answer)); });
  }

  void answered(std::shared_ptr<Job> job, Answer answer) {
    Server& server = servers_[job->server];
    switch (answer.kind) {
    case Answer::Kind::got:
      server.failures = 0;
      return job->candidates[job->next].pointer ? follow(std::move(job), *answer.file)
                                                : take(std::move(job), std::move(answer.file));
    case Answer::Kind::absent:
      job->surely_absent = job->surely_absent && answer.sure;
      ++job->next;
      return ask(std::move(job));
    case Answer::Kind::refused: complain(*job, answer.why); break;
    case Answer::Kind::failed:
      complain(*job, answer.why);
      if (++server.failures >= kMostFailures || answer.unreachable)
        server.given_up = answer.why + ", and is not asked again";
      break;
    }
    next_server(std::move(job));
  }

  void take(std::shared_ptr<Job> job, std::shared_ptr<const MappedFile> got) {
    Server& server = servers_[job->server];
    auto file = checked(std::move(got), job->wanted);
    if (!file) {
      complain(*job, file.error().why);
      return next_server(std::move(job));
    }
    const Slot& slot = job->candidates[job->next].slot;
    std::optional<Error> error;
    for (const std::string& cache : server.named.caches) {
      auto path = publish((*file)->bytes(), cache, slot, job->wanted.key);
      if (path && job->outcome.path.empty()) job->outcome.path = *path;
      if (!path && !error) error = std::move(path.error());
    }
    if (job->outcome.path.empty()) {
      job->outcome.why = error->message();
      return finish(std::move(job), Outcome::Result::failed);
    }
    forget_missing(server.named.caches.front(), server.named.url, job->wanted);
    finish(std::move(job), Outcome::Result::fetched);
  }

  // A server's file.ptr may name another URL, as a redirect would; a path on its own disks or ours
  // it may not.
  void follow(std::shared_ptr<Job> job, const MappedFile& pointer) {
    const Server& server = servers_[job->server];
    FilePointer target = read_file_pointer(pointer.bytes().chars());
    const bool secure = lower(server.named.url.substr(0, 6)) == "https:";
    if (is_url(target.path) && (!secure || lower(target.path.substr(0, 6)) == "https:")) {
      job->candidates[job->next] = {target.path, job->wanted.slot, false};
      return ask(std::move(job));
    }
    job->surely_absent = false;
    if (!is_web_page(pointer.bytes()))
      complain(*job, target.path.empty() ? "file.ptr: " + target.message
                                         : "file.ptr names " + utf8_from_ansi(target.path, 512) +
                                               ", which cannot be fetched");
    ++job->next;
    ask(std::move(job));
  }

  void next_server(std::shared_ptr<Job> job) {
    ++job->server;
    ask_server(std::move(job));
  }

  void add_why(Job& job, const std::string& why) {
    if (!job.outcome.why.empty()) job.outcome.why += "; ";
    job.outcome.why += url_for_people(servers_[job.server].named.url) + ": " + why;
  }
  void complain(Job& job, const std::string& why) {
    job.failed = true;
    add_why(job, why);
  }

  const Options& options_;
  Downloads downloads_;
  std::vector<Server> servers_;
  std::vector<std::shared_ptr<Job>> waiting_; // the next one last
  Progress progress_;
};

} // namespace

Result<std::vector<Outcome>> fetch(const std::vector<SymbolServer>& servers,
                                   const std::vector<Wanted>& wanted, const Options& options) {
  auto curl = Curl::load();
  if (!curl) return std::unexpected(curl.error());
  return Run(**curl, servers, options).all(wanted);
}

} // namespace dumptriage::symbols::fetch
