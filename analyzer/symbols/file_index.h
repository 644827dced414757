// The files of one search root by lower-case name, read once.  Only names are looked at.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "symbols/store.h"

namespace dumptriage::symbols {

class FileIndex {
public:
  explicit FileIndex(SearchRoot root) : root_(std::move(root)) {}
  const SearchRoot& root() const { return root_; }

  struct Candidate {
    std::string path;
    // A symstore slot (name/KEY/name) of another key: not worth opening, but worth reporting.
    std::string other_key;
  };
  // Files called `name`, the likeliest first: the symstore slot of `keys`, the root itself, the
  // rest.
  std::vector<Candidate> find(std::string_view name, const std::vector<std::string>& keys);

private:
  void scan();
  SearchRoot root_;
  bool scanned_ = false;
  std::map<std::string, std::vector<std::string>> files_; // paths sorted
};

} // namespace dumptriage::symbols
