#include "symbols/file_index.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>

#include "base/text.h"

namespace dumptriage::symbols {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostEntries = 1'000'000; // of a plain root, and of the top of a store
constexpr int kDeepest = 16;
constexpr std::size_t kMostKeys = 100'000; // of one name in a store
constexpr std::size_t kMostCandidates = 64;
// Files of one name that are looked at for one question.
constexpr std::size_t kMostOfOneName = 4096;
// A dump's own folder may be a share with everybody's dumps: only so many names of it are read, and
// no folder in it.
constexpr std::size_t kMostSiblings = 20'000;

bool is_file(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && !error;
}
bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error) && !error;
}

// The names under which a file may lie: as it is, packed as symstore does, packed by others.
std::vector<std::string> spellings_of(const std::string& file) {
  return {file, packed_name(file), file + ".gz"};
}

bool is_key(std::string_view text) {
  return text.size() >= 9 && std::all_of(text.begin(), text.end(),
                                         [](unsigned char c) { return std::isxdigit(c) != 0; });
}

template <class Take> void each_entry(const std::string& folder, std::size_t most, Take take) {
  std::error_code error;
  fs::directory_iterator it(folder, fs::directory_options::skip_permission_denied, error), end;
  for (std::size_t seen = 0; !error && it != end && seen < most; ++seen) {
    if (!take(*it)) return;
    it.increment(error);
  }
}

std::string join(const std::string& folder, const std::string& name) {
  return (fs::path(folder) / name).string();
}

// file.ptr says where the file lies, or why it is not there.
FileIndex::Candidate followed(const std::string& pointer) {
  std::ifstream in(pointer, std::ios::binary);
  std::string text(kLongestFilePointer, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  FilePointer target = read_file_pointer(text);
  if (target.path.empty()) return {pointer, {}, "file.ptr: " + target.message};
  if (is_windows_path(target.path) || target.path.find("://") != std::string::npos)
    return {pointer,
            {},
            "file.ptr names " + utf8_from_ansi(target.path, 512) + ", which cannot be opened here"};
  std::string path = (fs::path(pointer).parent_path() / target.path).string();
  if (!is_file(path))
    return {pointer, {}, "file.ptr names " + utf8_from_ansi(path, 512) + ", which is not there"};
  return {path, {}, {}};
}

// What lies in NAME/KEY/, whatever its case.
std::optional<FileIndex::Candidate> in_slot(const std::string& folder, const std::string& file) {
  std::vector<std::string> names = spellings_of(file);
  for (const std::string& name : names)
    if (std::string path = join(folder, name); is_file(path)) return {{path, {}, {}}};
  names.push_back("file.ptr");
  std::size_t best = names.size();
  std::string best_path;
  each_entry(folder, kMostOfOneName, [&](const fs::directory_entry& entry) {
    std::string name = entry.path().filename().string();
    for (std::size_t i = 0; i < best; ++i)
      if (equals_no_case(name, names[i]) && is_file(entry.path().string())) {
        best = i;
        best_path = entry.path().string();
      }
    return true;
  });
  if (best == names.size()) return std::nullopt;
  return best + 1 == names.size() ? followed(best_path) : FileIndex::Candidate{best_path, {}, {}};
}

// Whether a folder of key-like folders is a slot: the first of them holds a file called like it
// (Breakpad: NAME.pdb/KEY/NAME.sym).  Builds kept by hash look alike from outside.
bool is_slot(const std::string& folder, const std::string& first_key) {
  std::string name = fs::path(folder).filename().string();
  bool slot = false;
  each_entry(first_key, kMostOfOneName, [&](const fs::directory_entry& entry) {
    std::string file = entry.path().filename().string();
    slot = equals_no_case(stem(file), stem(name)) || equals_no_case(file, "file.ptr");
    return !slot;
  });
  return slot;
}

} // namespace

// Straight to the usual places first: a symbol store may hold a million files.
void FileIndex::probe(const Slot& slot, const std::vector<std::string>& keys,
                      std::vector<Candidate>& found) {
  for (const std::string& spelling : {slot.folder, lower(slot.folder)}) {
    std::string tier = join(root_.path, tier_of(spelling));
    for (const std::string& folder : {join(root_.path, spelling), join(tier, spelling)})
      for (const std::string& key : keys)
        if (std::string place = join(folder, key); is_folder(place))
          if (auto candidate = in_slot(place, slot.file)) {
            found.push_back(std::move(*candidate));
            return;
          }
    if (spelling == lower(slot.folder)) break;
  }
}

// NAME folders: those of the top of a store, or those that a plain root was found to hold.
const std::map<std::string, FileIndex::Paths>& FileIndex::top_folders() {
  if (!root_.store) {
    scan();
    return slots_;
  }
  if (top_) return *top_;
  top_.emplace();
  each_entry(root_.path, kMostEntries, [&](const fs::directory_entry& entry) {
    (*top_)[lower(entry.path().filename().string())].push_back(entry.path().string());
    return true;
  });
  for (auto& [name, paths] : *top_) std::sort(paths.begin(), paths.end());
  return *top_;
}

void FileIndex::search_slots(const Slot& slot, const std::vector<std::string>& keys,
                             std::vector<Candidate>& found, std::vector<Candidate>& others) {
  auto wanted = [&](const std::string& key) {
    return std::any_of(keys.begin(), keys.end(),
                       [&](const std::string& k) { return equals_no_case(key, k); });
  };
  const std::string name = lower(slot.folder);
  Paths folders;
  const auto& top = top_folders();
  if (auto entry = top.find(name); entry != top.end()) folders = entry->second;
  if (root_.store)
    if (auto tier = top.find(tier_of(name)); tier != top.end())
      for (const std::string& folder : tier->second)
        each_entry(folder, kMostEntries, [&](const fs::directory_entry& entry) {
          if (equals_no_case(entry.path().filename().string(), name))
            folders.push_back(entry.path().string());
          return true;
        });
  for (const std::string& folder : folders) {
    Paths keys_there;
    each_entry(folder, kMostKeys, [&](const fs::directory_entry& entry) {
      std::string key = entry.path().filename().string();
      if (is_key(key) && entry.is_directory()) keys_there.push_back(std::move(key));
      return true;
    });
    std::sort(keys_there.begin(), keys_there.end());
    for (const std::string& key : keys_there) {
      bool match = wanted(key);
      if (!match && others.size() >= kMostCandidates) continue;
      auto candidate = in_slot(join(folder, key), slot.file);
      if (!candidate) continue;
      if (!match) candidate->other_key = key;
      (match ? found : others).push_back(std::move(*candidate));
    }
  }
}

void FileIndex::scan_folder(const std::string& folder, int depth, Paths& deeper) {
  const bool beside = root_.origin == memory::Origin::sibling;
  const std::size_t most = beside ? kMostSiblings : kMostEntries;
  Paths folders;
  bool files = false, only_keys = true;
  each_entry(folder, most - std::min(most, entries_), [&](const fs::directory_entry& entry) {
    ++entries_;
    std::error_code ignored;
    std::string name = entry.path().filename().string();
    // Links to folders are not followed, so that a link cannot lead round in a circle.
    if (!entry.is_symlink(ignored) && entry.is_directory(ignored)) {
      only_keys = only_keys && is_key(name);
      folders.push_back(entry.path().string());
    } else if (entry.is_regular_file(ignored)) {
      files = true;
      files_[lower(name)].push_back(entry.path().string());
    }
    return true;
  });
  if (depth != 0 && !folders.empty() && only_keys && !files &&
      is_slot(folder, *std::min_element(folders.begin(), folders.end()))) {
    slots_[lower(fs::path(folder).filename().string())].push_back(folder);
    return;
  }
  if (!beside && depth < kDeepest)
    deeper.insert(deeper.end(), std::make_move_iterator(folders.begin()),
                  std::make_move_iterator(folders.end()));
}

void FileIndex::scan() {
  if (scanned_) return;
  scanned_ = true;
  Paths level = {root_.path};
  for (int depth = 0; !level.empty(); ++depth) {
    Paths deeper;
    for (const std::string& folder : level) scan_folder(folder, depth, deeper);
    level = std::move(deeper);
  }
  for (auto* names : {&files_, &slots_})
    for (auto& [name, paths] : *names) std::sort(paths.begin(), paths.end());
}

std::vector<FileIndex::Candidate> FileIndex::find(const Slot& slot,
                                                  const std::vector<std::string>& keys) {
  std::vector<Candidate> found, others;
  if (!usable_name(slot.folder) || !usable_name(slot.file)) return found;
  if (is_file(root_.path)) {
    std::string name = fs::path(root_.path).filename().string();
    for (const std::string& spelling : spellings_of(slot.file))
      if (equals_no_case(name, spelling)) found.push_back({root_.path, {}, {}});
    return found;
  }
  probe(slot, keys, found);
  if (!found.empty()) return found;
  if (root_.origin == memory::Origin::sibling)
    for (const std::string& name : {slot.file, lower(slot.file)})
      if (std::string path = join(root_.path, name); is_file(path)) return {{path, {}, {}}};
  search_slots(slot, keys, found, others);
  for (const std::string& name : spellings_of(slot.file)) {
    auto entry = files_.find(lower(name));
    if (entry == files_.end()) continue;
    for (std::size_t i = 0; i < std::min(entry->second.size(), kMostOfOneName); ++i)
      found.push_back({entry->second[i], {}, {}});
  }
  found.insert(found.end(), others.begin(), others.end());
  if (found.size() > kMostCandidates) found.resize(kMostCandidates);
  return found;
}

} // namespace dumptriage::symbols
