// ZIP, 7z, tar, gzip, xz, zstd and bzip2 by libarchive.  Only the readers that the first bytes ask
// for are switched on: never one that starts another program, never all of them.
#include <memory>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include "base/text.h"
#include "dump/unpack_reading.h"

namespace dumptriage::dump::unpacking {
namespace {

struct Free {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using Reader = std::unique_ptr<archive, Free>;

// False: this libarchive was built without the library behind it (and would start a program).
bool switch_on(archive* reader, Packing packing) {
  auto tar_or_one_file = [reader] {
    return archive_read_support_format_tar(reader) == ARCHIVE_OK &&
           archive_read_support_format_raw(reader) == ARCHIVE_OK;
  };
  switch (packing) {
  case Packing::zip: return archive_read_support_format_zip(reader) == ARCHIVE_OK;
  case Packing::seven_zip: return archive_read_support_format_7zip(reader) == ARCHIVE_OK;
  case Packing::tar: return archive_read_support_format_tar(reader) == ARCHIVE_OK;
  case Packing::gzip:
    return archive_read_support_filter_gzip(reader) == ARCHIVE_OK && tar_or_one_file();
  case Packing::xz:
    return archive_read_support_filter_xz(reader) == ARCHIVE_OK && tar_or_one_file();
  case Packing::zstd:
    return archive_read_support_filter_zstd(reader) == ARCHIVE_OK && tar_or_one_file();
  case Packing::bzip2:
    return archive_read_support_filter_bzip2(reader) == ARCHIVE_OK && tar_or_one_file();
  default: return false;
  }
}

Error error_of(archive* reader, const std::string& path) {
  const char* text = archive_error_string(reader);
  std::string why = text != nullptr ? utf8_from_ansi(text, 256) : "it cannot be read";
  std::string lowered = lower(why);
  bool cut = lowered.find("truncated") != std::string::npos ||
             lowered.find("unexpected end") != std::string::npos;
  return {cut ? Code::truncated : Code::bad_value, path, std::move(why), {}};
}

// In the C locale libarchive cannot convert every name; the other form is then there.
std::string name_of(archive_entry* entry) {
  const char* name = archive_entry_pathname(entry);
  if (name == nullptr) name = archive_entry_pathname_utf8(entry);
  return name != nullptr ? name : "";
}

// The entry's bytes; stops early when nobody wants them.  The error that ended it, if any.
std::optional<Error> read_entry(archive* reader, Entry& out) {
  std::uint64_t end = 0;
  for (;;) {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    int status = archive_read_data_block(reader, &data, &size, &offset);
    if (status == ARCHIVE_EOF) return std::nullopt;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return error_of(reader, out.path());
    if (offset >= 0 && static_cast<std::uint64_t>(offset) > end) { // sparse files of a tar
      if (!out.add_hole(static_cast<std::uint64_t>(offset) - end)) return std::nullopt;
      end = static_cast<std::uint64_t>(offset);
    }
    if (size != 0 && !out.add(ByteView(data, size))) return std::nullopt;
    end += size;
    if (status == ARCHIVE_WARN && size == 0) return error_of(reader, out.path());
  }
}

// What is not wanted is passed over.  Where that costs unpacking it counts against the limit; a ZIP
// or a bare tar is stepped through.
bool pass_over(archive* reader, Archive& archive) {
  bool stepped = (archive_format(reader) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_ZIP ||
                 (archive_filter_count(reader) <= 1 &&
                  (archive_format(reader) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR);
  if (stepped) return true;
  for (;;) {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    int status = archive_read_data_block(reader, &data, &size, &offset);
    if (status != ARCHIVE_OK) return status != ARCHIVE_FATAL;
    if (size > archive.run.allowance) return false;
    archive.run.allowance -= size;
  }
}

void take_entry(archive* reader, archive_entry* entry, Archive& archive) {
  bool raw = archive_format(reader) == ARCHIVE_FORMAT_RAW;
  Entry out(archive, raw ? name_inside(archive.path) : name_of(entry));
  if (archive_entry_is_encrypted(entry) != 0) return out.refuse(Code::unsupported, "is encrypted");
  out.finish(read_entry(reader, out));
}

} // namespace

std::optional<Error> unpack_libarchive(Archive& archive) {
  Reader reader(archive_read_new());
  Packing packing = packing_of(archive.bytes);
  if (!reader || !switch_on(reader.get(), packing))
    return Error{Code::unsupported,
                 archive.path,
                 "libarchive was built without what this compression needs",
                 {}};
  if (archive_read_open_memory(reader.get(), archive.bytes.data(), archive.bytes.size()) !=
      ARCHIVE_OK)
    return error_of(reader.get(), archive.path);
  while (!archive.run.stopped) {
    archive_entry* entry = nullptr;
    int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) return std::nullopt;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) {
      if (archive_read_has_encrypted_entries(reader.get()) > 0)
        return Error{Code::unsupported, archive.path, "its list of files is encrypted", {}};
      return error_of(reader.get(), archive.path);
    }
    if (!count_entry(archive)) break;
    // A single compressed stream has no type.
    bool raw = archive_format(reader.get()) == ARCHIVE_FORMAT_RAW;
    if (!raw && archive_entry_filetype(entry) != AE_IFREG) continue;
    take_entry(reader.get(), entry, archive);
    if (raw || archive.run.stopped) break;
    if (!pass_over(reader.get(), archive)) break;
  }
  return std::nullopt;
}

} // namespace dumptriage::dump::unpacking
