// pipeline: the order of all rooms, once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "report/document.h"
#include "rules/rules.h"
#include "symbols/store.h"

namespace dumptriage::pipeline {

enum class Threads { crashed, cpus, all };

struct Options {
  Threads threads = Threads::cpus; // whose stacks are walked
  bool hash_full = false;
  bool all_rules = false;
  bool trust_siblings = false;     // look for images and symbols beside the dump, marked `sibling`
  bool search_all_modules = false; // for `symbols DUMP`
  bool judge = true;               // false: facts only, no rules
  bool locks = false;              // also what is held though nobody waits for it
  std::vector<std::uint64_t> pool; // addresses whose pool block is wanted
  // Bytes of memory that are searched for packets where a stop has to do with the network, beside
  // what the crashed code reaches.
  std::uint64_t peer_bytes = std::uint64_t{256} << 20;
  // Told which entry of an archive is being unpacked, at its start and every 64 MiB.
  std::function<void(const std::string& path)> unpacking;
};

// Takes a document; false: no more are wanted.
using TakeDocument = std::function<bool(report::Document)>;

// What is shared by all dumps of one run: the rules and the indexed symbol folders.
class Analyzer {
public:
  Analyzer(rules::Catalogue catalogue, std::vector<symbols::SearchRoot> roots);
  ~Analyzer();
  // Never fails: a dump that cannot be read gives a document with `error`.  Of an archive the first
  // dump.
  report::Document analyze(const std::string& path, const Options& options);
  // Every dump at a path, a document each: the file itself, or all dumps of an archive
  // ("ARCHIVE!ENTRY").  An archive without any gives one with `error`.
  void analyze_each(const std::string& path, const Options& options, const TakeDocument& take);
  // The same of an open file; when no document was handed out, why.
  std::optional<Error> analyze_each(std::shared_ptr<const MappedFile> file, const Options& options,
                                    const TakeDocument& take);
  report::Document analyze(std::shared_ptr<const MappedFile> file, const Options& options);
  const rules::Catalogue& catalogue() const { return catalogue_; }

private:
  report::Document failed(const std::string& path, Error error) const;
  void run(report::Document& document, std::shared_ptr<const MappedFile> file,
           const Options& options);

  rules::Catalogue catalogue_;
  std::vector<symbols::SearchRoot> roots_;
  std::shared_ptr<symbols::OpenFiles> open_; // of all stores
  std::unique_ptr<symbols::Store> store_;
};

} // namespace dumptriage::pipeline
