// LLVM's libObject as a second opinion: wherever it takes a file, we read the same.
#include <filesystem>

#include <gtest/gtest.h>
#include <llvm/Object/COFF.h>

#include "image/image.h"
#include "image/sample_image.h"

namespace dumptriage::image {
namespace {

namespace fs = std::filesystem;

void compare(const Image& ours, const llvm::object::COFFObjectFile& theirs) {
  std::uint32_t count = 0;
  for (const llvm::object::SectionRef& ref : theirs.sections()) {
    const auto* section = theirs.getCOFFSection(ref);
    ASSERT_LT(count, ours.sections.size());
    const Section& own = ours.sections[count++];
    EXPECT_EQ(own.rva, section->VirtualAddress);
    EXPECT_EQ(own.virtual_size, section->VirtualSize);
    EXPECT_EQ(own.raw_offset, section->PointerToRawData);
    EXPECT_EQ(own.raw_size, section->SizeOfRawData);
    EXPECT_EQ(own.characteristics, section->Characteristics);
  }
  EXPECT_EQ(count, ours.sections.size());
  EXPECT_EQ(ours.timestamp, theirs.getTimeDateStamp());
  EXPECT_EQ(ours.preferred_base, theirs.getImageBase());
  std::size_t named = 0;
  for (const llvm::object::ExportDirectoryEntryRef& entry : theirs.export_directories()) {
    llvm::StringRef name;
    std::uint32_t rva = 0, ordinal = 0;
    if (llvm::Error e = entry.getSymbolName(name)) {
      llvm::consumeError(std::move(e));
      continue;
    }
    if (llvm::Error e = entry.getExportRVA(rva)) {
      llvm::consumeError(std::move(e));
      continue;
    }
    if (llvm::Error e = entry.getOrdinal(ordinal)) {
      llvm::consumeError(std::move(e));
      continue;
    }
    if (name.empty()) continue;
    ++named;
    bool found = std::any_of(ours.exports().begin(), ours.exports().end(), [&](const Export& own) {
      return own.name == name.str() && own.rva == rva && own.ordinal == ordinal;
    });
    EXPECT_TRUE(found) << name.str();
  }
  EXPECT_LE(named, ours.exports().size());
}

bool compare_file(const std::string& path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer) return false;
  auto theirs = llvm::object::COFFObjectFile::create((*buffer)->getMemBufferRef());
  if (!theirs) {
    llvm::consumeError(theirs.takeError());
    return false;
  }
  auto ours = open_file(path, memory::Origin::image);
  EXPECT_TRUE(ours) << path << " " << ours.error().message();
  if (ours) compare(**ours, **theirs);
  return true;
}

TEST(LibObject, AgreesOnTheSample) {
  TempFile file(sample_image().file());
  EXPECT_TRUE(compare_file(file.path()));
}

TEST(LibObject, AgreesOnRealImages) {
  fs::path folder = fs::path(DUMPTRIAGE_SHARED_DIR) / "oracles";
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no real images";
  int compared = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    std::string extension = entry.path().extension().string();
    if (extension != ".exe" && extension != ".dll" && extension != ".sys") continue;
    SCOPED_TRACE(entry.path().string());
    compared += compare_file(entry.path().string());
  }
  EXPECT_GE(compared, 8);
}

} // namespace
} // namespace dumptriage::image
