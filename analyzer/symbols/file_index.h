// The files of one search root by name.  Slots of a symbol store are looked into directly, however
// large the store is; the folders of a plain root are listed once, on first need.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "symbols/search_path.h"
#include "symbols/store_key.h"

namespace dumptriage::symbols {

class FileIndex {
public:
  explicit FileIndex(SearchRoot root) : root_(std::move(root)) {}
  const SearchRoot& root() const { return root_; }

  struct Candidate {
    std::string path;
    // A store's slot of another key: not worth opening, but worth reporting.
    std::string other_key;
    std::string why; // there is no file to open: what file.ptr says
  };
  // Files for `slot`, the likeliest first: the slots of `keys`, files of that name elsewhere, the
  // slots of other keys.  All may be packed (NAME.pd_).
  std::vector<Candidate> find(const Slot& slot, const std::vector<std::string>& keys);

private:
  using Paths = std::vector<std::string>;
  void probe(const Slot& slot, const std::vector<std::string>& keys, std::vector<Candidate>& found);
  void search_slots(const Slot& slot, const std::vector<std::string>& keys,
                    std::vector<Candidate>& found, std::vector<Candidate>& others);
  const std::map<std::string, Paths>& top_folders();
  void scan();
  void scan_folder(const std::string& folder, int depth, Paths& deeper);

  SearchRoot root_;
  bool scanned_ = false;
  std::size_t entries_ = 0;                         // seen by scan()
  std::map<std::string, Paths> files_;              // by lower-case name, paths sorted
  std::map<std::string, Paths> slots_;              // NAME folders, by lower-case name, sorted
  std::optional<std::map<std::string, Paths>> top_; // folders of the root
};

} // namespace dumptriage::symbols
