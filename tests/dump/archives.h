// Archives made while a test runs: by libarchive's writer, or laid down byte by byte.
#pragma once

#include <string>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include "synth/bytes_out.h"

namespace dumptriage::tests {

struct Packed {
  std::string name;
  synth::Bytes bytes;
};

enum class Container { zip, seven_zip, tar, tar_gz, gz, xz, zst, bz2, cab, szdd };
inline constexpr Container kContainers[] = {
    Container::zip, Container::seven_zip, Container::tar, Container::tar_gz, Container::gz,
    Container::xz,  Container::zst,       Container::bz2, Container::cab,    Container::szdd};
inline bool holds_many(Container container) {
  return container <= Container::tar_gz || container == Container::cab;
}

inline la_ssize_t append_packed(archive*, void* out, const void* data, size_t size) {
  auto& bytes = *static_cast<synth::Bytes*>(out);
  synth::put_bytes(bytes, bytes.size(), data, size);
  return static_cast<la_ssize_t>(size);
}

inline void choose_form(archive* writer, Container container) {
  switch (container) {
  case Container::zip: archive_write_set_format_zip(writer); break;
  case Container::seven_zip: archive_write_set_format_7zip(writer); break;
  case Container::tar:
  case Container::tar_gz: archive_write_set_format_ustar(writer); break;
  default: archive_write_set_format_raw(writer); break;
  }
  if (container == Container::tar_gz || container == Container::gz)
    archive_write_add_filter_gzip(writer);
  if (container == Container::xz) archive_write_add_filter_xz(writer);
  if (container == Container::zst) archive_write_add_filter_zstd(writer);
  if (container == Container::bz2) archive_write_add_filter_bzip2(writer);
}

// `zeros`: so many zero bytes behind the last item's own.
inline synth::Bytes write_archive(Container container, const std::vector<Packed>& items,
                                  const char* password = nullptr, std::uint64_t zeros = 0) {
  synth::Bytes out;
  archive* writer = archive_write_new();
  choose_form(writer, container);
  archive_write_set_bytes_per_block(writer, 512);
  archive_write_set_bytes_in_last_block(writer, 1);
  if (password != nullptr) {
    EXPECT_EQ(archive_write_set_options(writer, "zip:encryption=zipcrypt"), ARCHIVE_OK);
    EXPECT_EQ(archive_write_set_passphrase(writer, password), ARCHIVE_OK);
  }
  EXPECT_EQ(archive_write_open(writer, &out, nullptr, append_packed, nullptr), ARCHIVE_OK);
  const synth::Bytes block(1 << 20);
  for (const Packed& item : items) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, item.name.c_str());
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    std::uint64_t more = &item == &items.back() ? zeros : 0;
    archive_entry_set_size(entry, static_cast<la_int64_t>(item.bytes.size() + more));
    EXPECT_EQ(archive_write_header(writer, entry), ARCHIVE_OK) << archive_error_string(writer);
    archive_write_data(writer, item.bytes.data(), item.bytes.size());
    for (; more != 0; more -= std::min<std::uint64_t>(more, block.size()))
      archive_write_data(writer, block.data(), std::min<std::uint64_t>(more, block.size()));
    archive_entry_free(entry);
  }
  EXPECT_EQ(archive_write_close(writer), ARCHIVE_OK) << archive_error_string(writer);
  archive_write_free(writer);
  return out;
}

// A cabinet of one folder, nothing compressed, check sums left out (0): MS-CAB, section 2.
inline synth::Bytes write_cabinet(const std::vector<Packed>& items) {
  using namespace synth;
  constexpr std::size_t kBlock = 32768;
  Bytes all, out(36 + 8);
  for (const Packed& item : items) append(all, item.bytes);
  std::size_t offset = 0, blocks = (all.size() + kBlock - 1) / kBlock;
  for (const Packed& item : items) { // CFFILE
    std::size_t at = out.size();
    put32(out, at, item.bytes.size());
    put32(out, at + 4, offset);
    put16(out, at + 8, 0);
    put32(out, at + 10, 0);
    put16(out, at + 14, 0x20);
    put_text(out, at + 16, item.name);
    put8(out, out.size(), 0);
    offset += item.bytes.size();
  }
  put32(out, 36, out.size()); // CFFOLDER
  put16(out, 40, blocks);
  for (std::size_t at = 0; at < all.size(); at += kBlock) { // CFDATA
    std::size_t size = std::min(kBlock, all.size() - at), to = out.size();
    put32(out, to, 0);
    put16(out, to + 4, size);
    put16(out, to + 6, size);
    put_bytes(out, to + 8, all.data() + at, size);
  }
  put_text(out, 0, "MSCF");
  put32(out, 8, out.size());
  put32(out, 16, 44);
  put16(out, 24, 0x0103);
  put16(out, 26, 1);
  put16(out, 28, items.size());
  return out;
}

// SZDD with literals only: eight behind each control byte of ones.
inline synth::Bytes write_szdd(const synth::Bytes& bytes, char missing) {
  using namespace synth;
  Bytes out;
  put_text(out, 0,
           "SZDD\x88\xF0\x27\x33"
           "A");
  put8(out, 9, static_cast<std::uint8_t>(missing));
  put32(out, 10, bytes.size());
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    put8(out, out.size(), 0xFF);
    put_bytes(out, out.size(), bytes.data() + at, std::min<std::size_t>(8, bytes.size() - at));
  }
  return out;
}

inline synth::Bytes pack(Container container, const std::vector<Packed>& items) {
  if (container == Container::cab) return write_cabinet(items);
  if (container == Container::szdd) return write_szdd(items.front().bytes, 'p');
  return write_archive(container, items);
}

} // namespace dumptriage::tests
