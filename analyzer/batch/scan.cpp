#include "batch/scan.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "base/mapped_file.h"
#include "base/text.h"
#include "dump/dump.h"
#include "dump/unpack.h"

namespace dumptriage::batch {
namespace {

namespace fs = std::filesystem;

struct Found {
  std::string path;
  bool named = false; // given by the caller, not met in a folder
};

void refuse(const Callbacks& callbacks, const std::string& path, const std::error_code& error) {
  if (callbacks.unreadable)
    callbacks.unreadable(Error{Code::io, utf8_from_ansi(path), error.message(), {}});
}

// The entries of one folder by name, the last first: the walk below takes from the end.
std::vector<fs::directory_entry> entries_of(const fs::path& folder, const Callbacks& callbacks) {
  std::vector<fs::directory_entry> entries;
  std::error_code error;
  fs::directory_iterator it(folder, error), end;
  while (!error && it != end) {
    entries.push_back(*it);
    it.increment(error);
  }
  if (error) refuse(callbacks, folder.string(), error);
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.path().native() > b.path().native(); });
  return entries;
}

// Depth first in sorted order.  Links are not followed: a share full of them would be read twice,
// or for ever.
void walk_folder(const fs::path& root, std::vector<Found>& found, const Callbacks& callbacks) {
  std::vector<fs::directory_entry> stack = entries_of(root, callbacks);
  while (!stack.empty()) {
    fs::directory_entry entry = std::move(stack.back());
    stack.pop_back();
    std::error_code error;
    fs::file_status status = entry.symlink_status(error);
    if (error)
      refuse(callbacks, entry.path().string(), error);
    else if (fs::is_directory(status))
      for (fs::directory_entry& child : entries_of(entry.path(), callbacks))
        stack.push_back(std::move(child));
    else if (fs::is_regular_file(status))
      found.push_back({entry.path().string(), false});
  }
}

std::vector<Found> find_files(const std::vector<std::string>& paths, const Callbacks& callbacks) {
  std::vector<Found> found;
  for (const std::string& path : paths) {
    std::error_code error;
    if (fs::is_directory(path, error))
      walk_folder(path, found, callbacks);
    else
      found.push_back({path, true});
  }
  return found;
}

std::string stop_of(const report::Document& document) {
  const auto& crash = document.crash;
  if (crash.kind == "hang") return "hang";
  if (crash.kind == "none") return "";
  return crash.name.empty() ? hex(crash.code, 8)
                            : fmt::format("{} {}", hex(crash.code), crash.name);
}

std::string blame_of(const report::Document& document) {
  if (document.blame.module.empty() || document.blame.function.empty())
    return document.blame.module;
  return fmt::format("{}!{}", stem(document.blame.module), document.blame.function);
}

bool worth_a_column(const std::string& verdict) {
  return verdict == "confirmed" || verdict == "likely" || verdict == "possible" ||
         verdict == "undecided";
}
bool proved(const std::string& verdict) { return verdict == "confirmed" || verdict == "likely"; }

// Smaller is better; the order of rules::Verdict turned round.
int rank_of(const std::string& verdict) {
  if (verdict == "confirmed") return 0;
  if (verdict == "likely") return 1;
  if (verdict == "possible") return 2;
  if (verdict == "undecided") return 3;
  return 4;
}

report::ShareRow row_of(const report::Document& document) {
  report::ShareRow row;
  row.path = document.dump.path;
  row.kind = document.dump.kind;
  row.os = document.os.name;
  row.stop = stop_of(document);
  row.blame = blame_of(document);
  row.bucket_key = document.bucket.key;
  row.bucket_title = document.bucket.title;
  row.crash_time = document.time.crash;
  // Matches come with the best verdict first.
  if (!document.matches.empty() && worth_a_column(document.matches.front().verdict)) {
    const report::MatchRow& best = document.matches.front();
    row.verdict = best.verdict;
    row.kb = best.kb.empty() ? best.rule : best.kb;
  }
  row.failed = document.error.has_value();
  if (document.error) {
    std::string message = document.error->message();
    if (message.starts_with(row.path + ": ")) message = message.substr(row.path.size() + 2);
    row.error = message;
  }
  return row;
}

// Counts by bucket and by known issue while documents go by.
class Tally {
public:
  void add(const report::Document& document, const report::ShareRow& row) {
    if (row.failed) return;
    if (!row.bucket_key.empty()) {
      report::BucketRow& bucket = buckets_[row.bucket_key];
      if (bucket.count++ == 0) {
        bucket.key = row.bucket_key;
        bucket.title = row.bucket_title;
        bucket.first_path = row.path;
      }
      // What is only undecided says nothing about a bucket.
      if (rank_of(row.verdict) <= rank_of("possible") &&
          (bucket.verdict.empty() || rank_of(row.verdict) < rank_of(bucket.verdict))) {
        bucket.verdict = row.verdict;
        bucket.kb = row.kb;
      }
    }
    for (const report::MatchRow& match : document.matches) {
      if (!proved(match.verdict)) continue;
      report::KbRow& kb = kbs_[match.kb.empty() ? match.rule : match.kb];
      if (kb.count++ == 0) {
        kb.kb = match.kb.empty() ? match.rule : match.kb;
        kb.title = match.title;
        kb.verdict = match.verdict;
      }
      if (rank_of(match.verdict) < rank_of(kb.verdict)) kb.verdict = match.verdict;
    }
  }

  // Most frequent first; equal counts by key, so that the order is the same in every run.
  void finish(report::ShareDocument& share) {
    for (auto& [key, bucket] : buckets_) share.buckets.push_back(std::move(bucket));
    for (auto& [key, kb] : kbs_) share.kbs.push_back(std::move(kb));
    auto by_count = [](const auto& a, const auto& b) { return a.count > b.count; };
    std::stable_sort(share.buckets.begin(), share.buckets.end(), by_count);
    std::stable_sort(share.kbs.begin(), share.kbs.end(), by_count);
  }

private:
  std::map<std::string, report::BucketRow> buckets_;
  std::map<std::string, report::KbRow> kbs_;
};

} // namespace

report::ShareDocument scan(const std::vector<std::string>& paths, pipeline::Analyzer& analyzer,
                           const pipeline::Options& options, const Callbacks& callbacks) {
  report::ShareDocument share;
  Tally tally;
  std::vector<Found> found = find_files(paths, callbacks);
  Progress progress{0, found.size(), {}};
  pipeline::Options each = options;
  each.unpacking = [&](const std::string& path) {
    if (callbacks.progress)
      callbacks.progress({progress.done - 1, progress.found, "unpacking " + path});
  };
  auto stopped = [&] { return callbacks.stop && callbacks.stop(); };
  auto take = [&](const report::Document& document) {
    report::ShareRow row = row_of(document);
    ++(row.failed ? share.failed : share.analysed);
    tally.add(document, row);
    if (callbacks.document) callbacks.document(document);
    share.rows.push_back(std::move(row));
    return !stopped();
  };
  for (const Found& file : found) {
    if (stopped()) break;
    progress.path = utf8_from_ansi(file.path);
    if (callbacks.progress) callbacks.progress(progress);
    ++progress.done;
    auto mapped = MappedFile::open(file.path);
    if (file.named || !mapped) {
      analyzer.analyze_each(file.path, each, take); // says why, when it is no dump
      continue;
    }
    ByteView bytes = (*mapped)->bytes();
    bool worth_it = dump::is_archive(bytes) || dump::identify(bytes).is_dump;
    if (!worth_it || analyzer.analyze_each(std::move(*mapped), each, take)) ++share.other_files;
  }
  progress.path.clear();
  if (callbacks.progress) callbacks.progress(progress);
  tally.finish(share);
  return share;
}

} // namespace dumptriage::batch
