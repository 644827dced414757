#include "synth/archives.h"

#include <archive.h>
#include <archive_entry.h>
#include <memory>

namespace dumptriage::synth {
namespace {

la_ssize_t take(archive*, void* out, const void* data, std::size_t size) {
  Bytes& bytes = *static_cast<Bytes*>(out);
  put_bytes(bytes, bytes.size(), data, size);
  return static_cast<la_ssize_t>(size);
}

int choose(archive* writer, const std::string& kind) {
  if (kind == "zip") return archive_write_set_format_zip(writer);
  if (kind == "7z") return archive_write_set_format_7zip(writer);
  if (int code = archive_write_set_format_raw(writer); code != ARCHIVE_OK) return code;
  if (kind == "gz") return archive_write_add_filter_gzip(writer);
  if (kind == "xz") return archive_write_add_filter_xz(writer);
  if (kind == "zst") return archive_write_add_filter_zstd(writer);
  return ARCHIVE_FATAL;
}

bool write(archive* writer, const std::string& kind, const std::string& name, const Bytes& bytes,
           Bytes& out) {
  if (choose(writer, kind) != ARCHIVE_OK) return false;
  archive_write_set_bytes_in_last_block(writer, 1);
  if (archive_write_open(writer, &out, nullptr, take, nullptr) != ARCHIVE_OK) return false;
  std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                 archive_entry_free);
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  if (archive_write_header(writer, entry.get()) != ARCHIVE_OK) return false;
  if (archive_write_data(writer, bytes.data(), bytes.size()) !=
      static_cast<la_ssize_t>(bytes.size()))
    return false;
  return archive_write_close(writer) == ARCHIVE_OK;
}

} // namespace

Bytes packed(const std::string& kind, const std::string& name, const Bytes& bytes) {
  Bytes out;
  archive* writer = archive_write_new();
  if (!write(writer, kind, name, bytes, out)) out.clear();
  archive_write_free(writer);
  return out;
}

std::optional<Bytes> unpacked_file(const std::string& path) {
  std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
  archive_read_support_filter_all(reader.get());
  archive_read_support_format_all(reader.get());
  archive_read_support_format_raw(reader.get());
  if (archive_read_open_filename(reader.get(), path.c_str(), 1 << 16) != ARCHIVE_OK)
    return std::nullopt;
  archive_entry* entry = nullptr;
  if (archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK) return std::nullopt;
  Bytes out;
  for (std::vector<std::uint8_t> part(1 << 16);;) {
    la_ssize_t got = archive_read_data(reader.get(), part.data(), part.size());
    if (got < 0) return std::nullopt;
    if (got == 0) return out;
    put_bytes(out, out.size(), part.data(), static_cast<std::size_t>(got));
  }
}

} // namespace dumptriage::synth
