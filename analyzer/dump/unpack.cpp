#include "dump/unpack.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "dump/dump.h"
#include "dump/unpack_reading.h"

namespace dumptriage::dump {
namespace unpacking {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kHead = 64 << 10; // enough for identify()
constexpr std::uint64_t kTellEvery = 64ull << 20;
constexpr std::size_t kMostNamed = 8; // entries that the message about an archive names
constexpr std::size_t kLongestName = 512;

struct Magic {
  std::uint64_t offset;
  std::string_view bytes;
  Packing packing;
};
constexpr Magic kMagics[] = {
    {0, "PK\x03\x04"sv, Packing::zip},
    {0, "PK\x05\x06"sv, Packing::zip},
    {0, "7z\xBC\xAF\x27\x1C"sv, Packing::seven_zip},
    {0, "\x1F\x8B\x08"sv, Packing::gzip},
    {0,
     "\xFD"
     "7zXZ\0"sv,
     Packing::xz},
    {0, "\x28\xB5\x2F\xFD"sv, Packing::zstd},
    {4, "1AY&SY"sv, Packing::bzip2},
    {0, "MSCF\0\0\0\0"sv, Packing::cabinet},
    {0, "SZDD\x88\xF0\x27\x33"sv, Packing::szdd},
    {0, "KWAJ\x88\xF0\x27\xD1"sv, Packing::kwaj},
    {257, "ustar"sv, Packing::tar},
};

bool named_like_a_dump(std::string_view name) {
  std::string lowered = lower(name);
  constexpr std::string_view kSuffixes[] = {".dmp", ".mdmp", ".hdmp", ".dm_", ".kdmp"};
  return std::ranges::any_of(kSuffixes, [&](auto suffix) { return lowered.ends_with(suffix); });
}

// What identify() says, without the size: it saw the first bytes only.
std::string without_size(std::string description) {
  std::size_t comma = description.rfind(", ");
  return comma == std::string::npos ? description : description.substr(0, comma);
}

Error limit_error(const std::string& path, std::string why) {
  return {Code::limit, path, std::move(why), {}};
}

} // namespace

Packing packing_of(ByteView file) {
  for (const Magic& magic : kMagics) {
    auto bytes = file.slice(magic.offset, magic.bytes.size());
    if (bytes && bytes->chars() == magic.bytes) return magic.packing;
  }
  return Packing::none;
}

Unpacker unpacker_of(ByteView file) {
  switch (packing_of(file)) {
  case Packing::none: return nullptr;
  case Packing::cabinet:
  case Packing::szdd:
  case Packing::kwaj: return unpack_mspack;
  default: return unpack_libarchive;
  }
}

bool count_entry(Archive& archive) {
  Run& run = archive.run;
  if (run.entries_left != 0) {
    --run.entries_left;
    return true;
  }
  run.stopped = true;
  if (!run.first_error)
    run.first_error =
        limit_error(archive.path, fmt::format("more than {} entries; the rest is not looked at",
                                              run.options.most_entries));
  return false;
}

std::string name_inside(const std::string& path, char missing) {
  std::string name(base_name(path));
  if (std::size_t inner = name.rfind('!'); inner != std::string::npos) name.erase(0, inner + 1);
  if (name.ends_with('_') && static_cast<unsigned char>(missing) > 0x20) {
    name.back() = missing;
    return name;
  }
  constexpr std::string_view kSuffixes[] = {".gz", ".xz", ".zst", ".bz2"};
  for (std::string_view suffix : kSuffixes)
    if (name.size() > suffix.size() && lower(name).ends_with(suffix))
      return name.substr(0, name.size() - suffix.size());
  return name;
}

Entry::Entry(Archive& archive, std::string_view name)
    : archive_(archive), name_(utf8_from_ansi(name, kLongestName)) {
  std::ranges::replace_if(name_, [](char c) { return c == '\n' || c == '\t' || c == '\r'; }, ' ');
  if (name_.empty()) name_ = "(no name)";
  path_ = archive.path + "!" + name_;
}

// Bombs are found before anything is stored.
bool Entry::reserve(std::uint64_t size) {
  Run& run = archive_.run;
  auto total = checked_add(size_, size);
  if (!total || *total > run.options.most_bytes) {
    failed_ =
        limit_error(path_, fmt::format("it unpacks to more than {} bytes", run.options.most_bytes));
    return false;
  }
  size_ = *total;
  if (run.options.progress && size_ - told_ >= kTellEvery) {
    told_ = size_;
    run.options.progress(path_);
  }
  return true;
}

bool Entry::add(ByteView bytes) {
  Run& run = archive_.run;
  if (run.stopped || failed_) return false;
  if (bytes.size() > run.allowance) {
    run.stopped = true;
    failed_ = limit_error(path_, fmt::format("the archive unpacks to more than {} times its size; "
                                             "unpacking was stopped",
                                             run.options.ratio));
    return false;
  }
  run.allowance -= bytes.size();
  if (!reserve(bytes.size())) return false;
  if (kind_ == Kind::undecided) {
    ByteView first = bytes.clamp(0, kHead - head_.size());
    head_.insert(head_.end(), first.span().begin(), first.span().end());
    if (head_.size() < kHead) return true;
    decide();
    bytes = bytes.clamp(first.size(), UINT64_MAX);
  }
  return wanted() && store(bytes);
}

bool Entry::add_hole(std::uint64_t size) {
  if (archive_.run.stopped || failed_) return false;
  if (kind_ == Kind::undecided) {
    std::vector<std::byte> zeros(std::min<std::uint64_t>(size, kHead - head_.size()));
    if (!add(ByteView(zeros.data(), zeros.size()))) return false;
    size -= zeros.size();
    if (size == 0) return true;
  }
  if (!reserve(size)) return false;
  if (file_) file_->append_zeros(size);
  return wanted();
}

void Entry::decide() {
  ByteView head(head_.data(), head_.size());
  Identity identity = identify(head);
  description_ = without_size(identity.description);
  kind_ = identity.is_dump || archive_.run.any_file ? Kind::dump
          : archive_.depth == 0 && is_archive(head) ? Kind::archive
                                                    : Kind::other;
  if (!wanted()) return;
  if (archive_.run.options.progress) archive_.run.options.progress(path_);
  auto file = TemporaryFile::create();
  if (!file) {
    failed_ = Error{file.error().code, path_, file.error().what + ": " + file.error().why, {}};
    return;
  }
  file_ = std::move(*file);
  store(head);
}

bool Entry::store(ByteView bytes) {
  if (failed_) return false;
  auto stored = file_->append(bytes);
  if (!stored)
    failed_ =
        Error{stored.error().code, path_, stored.error().what + ": " + stored.error().why, {}};
  return stored.has_value();
}

void Entry::hand_out(Result<std::shared_ptr<const MappedFile>> file) {
  ++archive_.run.handed_out;
  if (!archive_.run.take(std::move(file))) archive_.run.stopped = true;
}

void Entry::remember(const Error& error) {
  Run& run = archive_.run;
  if (!run.first_error) run.first_error = error;
}

void Entry::refuse(Code code, std::string why) {
  Error error{code, path_, std::move(why), {}};
  if (archive_.run.any_file || named_like_a_dump(name_))
    return hand_out(std::unexpected(std::move(error)));
  remember(error);
}

void Entry::finish(std::optional<Error> problem) {
  Run& run = archive_.run;
  if (kind_ == Kind::undecided && !failed_ && (!problem || !head_.empty())) decide();
  if (failed_) {
    if (kind_ == Kind::dump || named_like_a_dump(name_))
      return hand_out(std::unexpected(std::move(*failed_)));
    return remember(*failed_);
  }
  if (kind_ == Kind::undecided) return refuse(problem->code, problem->why);
  if (kind_ == Kind::other) {
    if (problem) remember(*problem);
    if (run.other_count++ < kMostNamed)
      run.others.push_back(fmt::format("{} ({})", name_, description_));
    return;
  }
  MappedFile::Source source{path_, run.container, {}};
  if (problem)
    add_note(source.notes, Severity::warning, problem->code,
             fmt::format("archive: {} bytes could be unpacked, then: {}", size_, problem->why));
  auto file = MappedFile::adopt(std::move(*file_), std::move(source));
  if (kind_ == Kind::dump) return hand_out(std::move(file));
  if (!file) return remember(file.error());
  Archive inner{run, (*file)->bytes(), path_, archive_.depth + 1};
  if (auto error = unpacker_of(inner.bytes)(inner)) remember(*error);
}

namespace {

// Fills `run` from its options and goes through the archive.
std::optional<Error> unpack(Run& run, const MappedFile& archive) {
  std::string path = utf8_from_ansi(archive.path());
  Unpacker unpacker = unpacker_of(archive.bytes());
  if (unpacker == nullptr) return Error{Code::bad_magic, path, "is no archive", {}};
  auto times = checked_mul(archive.bytes().size(), run.options.ratio);
  run.allowance =
      checked_add(run.options.free_bytes, times.value_or(UINT64_MAX)).value_or(UINT64_MAX);
  run.entries_left = run.options.most_entries;
  archive.expect_all_to_be_read();
  Archive outermost{run, archive.bytes(), path, 0};
  return unpacker(outermost);
}

} // namespace

} // namespace unpacking

bool is_archive(ByteView file) { return unpacking::packing_of(file) != unpacking::Packing::none; }

Result<std::shared_ptr<const MappedFile>> unpack_first(const MappedFile& archive,
                                                       const UnpackOptions& options) {
  Result<std::shared_ptr<const MappedFile>> first = std::unexpected(
      Error{Code::bad_value, utf8_from_ansi(archive.path()), "there is no file in it", {}});
  TakeUnpacked take = [&first](Result<std::shared_ptr<const MappedFile>> file) {
    first = std::move(file);
    return false;
  };
  unpacking::Run run{options, take, archive.file_path()};
  run.any_file = true;
  auto error = unpacking::unpack(run, archive);
  if (run.handed_out == 0) {
    if (error || run.first_error) return std::unexpected(error ? *error : *run.first_error);
    return first;
  }
  if (first && !(*first)->notes().empty())
    return fail(Code::bad_value, (*first)->path(), (*first)->notes().front().message);
  return first;
}

std::optional<Error> unpack_dumps(const MappedFile& archive, const UnpackOptions& options,
                                  const TakeUnpacked& take) {
  using namespace unpacking;
  Run run{options, take, archive.file_path()};
  auto error = unpack(run, archive);
  std::string path = utf8_from_ansi(archive.path());
  if (run.handed_out != 0) return std::nullopt;
  if (error) return error;
  if (run.first_error) return run.first_error;
  std::string description = identify(archive.bytes()).description;
  if (run.other_count == 0)
    return Error{Code::unsupported, "no dump in it", description + ", without any file", {}};
  std::string list;
  for (const std::string& other : run.others) list += (list.empty() ? "" : ", ") + other;
  if (run.other_count > run.others.size())
    list += fmt::format(" and {} more", run.other_count - run.others.size());
  return Error{Code::unsupported, "no dump in it", description + ", which holds " + list, {}};
}

std::optional<Error> each_dump(std::shared_ptr<const MappedFile> file, const UnpackOptions& options,
                               const TakeUnpacked& take) {
  if (is_archive(file->bytes())) return unpack_dumps(*file, options, take);
  take(std::move(file));
  return std::nullopt;
}

} // namespace dumptriage::dump
