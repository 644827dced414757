#include "matrix/itanium.h"

#include <set>

#include "samples/true_stacks.h"
#include "synth/pdb20_writer.h"

namespace dumptriage::matrix {
namespace {

using synth::Bytes;

const char* const kImages[] = {"ntoskrnl", "tcpip", "netbt"};
const char* const kCopy = "NbtCopyToStartOfIndicate";
const char* const kElsewhere = "NbtCopyToCenterOfSegment";

// 5.2.3790.3959 and 1830 in VS_FIXEDFILEINFO.
const Bytes kServicePack2 = {0x77, 0x0F, 0xCE, 0x0E}, kServicePack1 = {0x26, 0x07, 0xCE, 0x0E};

std::string extension(const std::string& image) { return image == "ntoskrnl" ? ".exe" : ".sys"; }

// The functions that the true stacks name, as a PDB of publics.
Bytes publics_of(const std::string& image) {
  static const std::map<std::string, std::uint32_t> kSignatures = {
      {"ntoskrnl", 0x45D6C410}, {"tcpip", 0x45D6C500}, {"netbt", 0x45D6C53C}};
  constexpr std::uint64_t kText = 0x2000, kLow = 0xFFFF;
  std::set<std::pair<std::uint32_t, std::string>> names;
  const auto truth =
      samples::read_json(samples::folder() + "/truth/kernel-ia64-ws2003sp2-kb961799.json");
  for (const auto& cpu : truth["cpus"])
    for (const auto& frame : cpu["frames"])
      if (frame["module"].get<std::string>() == image + extension(image)) {
        const std::uint64_t begin = (samples::number(frame["pc"]) & ~std::uint64_t{15}) -
                                    (frame["offset"].get<std::uint64_t>() & ~std::uint64_t{15});
        names.insert({static_cast<std::uint32_t>((begin & kLow) - kText), frame["function"]});
      }
  synth::Pdb20Writer pdb;
  pdb.signature = kSignatures.at(image);
  pdb.info_age = pdb.dbi_age = 1;
  pdb.sections = {{kText, 0x2000}, {0x4000, 0x1000}, {0x6000, 0x200}};
  for (const auto& [offset, name] : names) pdb.publics.push_back({name, 1, offset});
  return pdb.bytes();
}

Files symbols(State state, Level level) {
  Files files;
  if (level == Level::none) return files;
  for (const std::string image : kImages) {
    const std::string from = samples::symbols_folder() + "/ia64/" + image;
    Bytes& bytes = files[image + extension(image)] = samples::read(from + extension(image));
    if (state == State::edition) samples::replace(bytes, kServicePack2, kServicePack1);
    if (level == Level::exports) continue;
    Bytes pdb = level == Level::full ? samples::read(from + ".pdb") : publics_of(image);
    if (state == State::other && image == "netbt") {
      EXPECT_GE(samples::replace(pdb, samples::text_bytes(kCopy), samples::text_bytes(kElsewhere)),
                1);
    }
    files[image + ".pdb"] = pdb;
  }
  return files;
}

// CmNtCSDVersion lies 0x900 bytes behind the debugger data, in the same page.
void set_service_pack(Bytes& dump, bool triage, std::uint32_t pack) {
  const Bytes tag = samples::text_bytes("KDBG");
  const auto found = std::search(dump.begin(), dump.end(), tag.begin(), tag.end());
  ASSERT_NE(found, dump.end());
  const auto kdbg = static_cast<std::size_t>(found - dump.begin()) - 0x10;
  if (triage)
    synth::put32(dump, 0x2000, pack << 8); // ServicePackBuild
  else
    synth::put32(dump, kdbg + 0x900, pack << 8);
}

Made make(bool triage, State state, Level level) {
  Made made{samples::read(samples::folder() + "/" +
                          (triage ? samples::kItaniumTriage : samples::kItaniumFull)),
            symbols(state, level)};
  if (state == State::edition) {
    set_service_pack(made.dump, triage, 1);
    samples::replace(made.dump, kServicePack2, kServicePack1);
  }
  if (state == State::os) synth::put32(made.dump, 0x0C, 6002);
  if (state == State::paged_out) made.dump.resize(made.dump.size() / 16 * 10);
  return made;
}

const Table kFull = {
    {State::affected,
     {"confirmed", "confirmed", "possible", "possible"},
     "the function is proved by its name, which no export gives"},
    {State::edition,
     {"not applicable", "not applicable", "not applicable", "not applicable"},
     "the article is about Service Pack 2"},
    {State::os,
     {"not applicable", "not applicable", "not applicable", "not applicable"},
     "Server 2008 is not named"},
    {State::other,
     {"possible", "possible", "possible", "possible"},
     "stop and module fit, the function is another"},
    {State::paged_out,
     {"confirmed|possible|undecided", "confirmed|possible|undecided", "possible|undecided",
      "possible|undecided"},
     "a cut copy; a header with the registers of the fault may still prove what was on top"},
};

// Only the triage header tells the service pack, which is no proof; the kernel's image is one.
Table triage() {
  Table table = kFull;
  for (Expected& row : table)
    if (row.state == State::edition) row.verdict[3] = "not applicable|possible|undecided";
  return table;
}

} // namespace

std::vector<Row> itanium_rows() {
  return {{"2003 SP2 Itanium", "full",
           [](State state, Level level) { return make(false, state, level); }, kFull},
          {"2003 SP2 Itanium", "triage",
           [](State state, Level level) { return make(true, state, level); }, triage()}};
}

} // namespace dumptriage::matrix
