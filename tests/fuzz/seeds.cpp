// fuzz_seeds DIR - writes good files for the fuzz targets of images, symbols and unwind data, a
// folder per target, made by the writers of the tests and taken from our own samples.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "dump/paper_samples.h"
#include "synth/codeview_writer.h"
#include "synth/coff_writer.h"
#include "synth/dbg_writer.h"
#include "synth/pdb20_writer.h"
#include "synth/wow64_dump.h"

namespace dumptriage::synth {
namespace {

namespace fs = std::filesystem;

class Seeds {
public:
  explicit Seeds(fs::path root) : root_(std::move(root)) {}

  void add(const std::string& target, const Bytes& bytes) {
    fs::create_directories(root_ / target);
    std::ofstream out(root_ / target / std::to_string(count_++), std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
  }
  void add(const std::string& target, const std::string& text) {
    add(target, Bytes(text.begin(), text.end()));
  }
  void add_files(const std::string& target, const fs::path& folder, const std::string& end) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file() || !entry.path().string().ends_with(end)) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      add(target, Bytes(std::istreambuf_iterator<char>(in), {}));
    }
  }

private:
  fs::path root_;
  int count_ = 0;
};

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Bytes procedures(CvTypes types) {
  return cv_compile(3) + cv_procedure(types, {"Transmit", 1, 0x100, 0x80}) +
         cv_procedure(types, {"s_helper", 1, 0x180, 0x40}) + cv_thunk({"thunk", 1, 0x1C0, 6}) +
         cv_mips_procedure(types, {"AlphaProcedure", 1, 0x200, 0x40});
}

std::vector<CvFile> files() {
  return {{"c:\\nt\\driver.c", 1, 0x100, 0x1C0, {{0x100, 10}, {0x110, 12}, {0x180, 30}}}};
}

void add_pdb20(Seeds& seeds) {
  for (bool vc4 : {true, false}) {
    Pdb20Writer pdb;
    pdb.vc4 = vc4;
    pdb.publics = {{"_Transmit@8", 1, 0x100}, {"_Receive", 1, 0x300}, {"_data", 2, 0x10}};
    pdb.removed = {{"_Old", 1, 0x80}};
    pdb.modules.push_back(
        {"driver.obj",
         procedures(vc4 ? CvTypes::bits16 : CvTypes::bits32) + cv_reference("Transmit"),
         files(),
         {{"", 1, 0x100, 0x200}}});
    pdb.fpo = fpo_record(0x1100, 0x80, 8, 2, 0x0203);
    seeds.add("pdb20_fuzz", pdb.bytes());
    pdb.omap_to_source = pdb.omap_from_source = omap({{0x1000, 0x1000}, {0x1100, 0x1300}});
    seeds.add("pdb20_fuzz", pdb.bytes());
  }
}

Bytes codeview(bool nb11) {
  const CvTypes types = nb11 ? CvTypes::bits32 : CvTypes::bits16;
  CodeViewWriter writer;
  writer.nb11 = nb11;
  writer.module("driver.obj", {{"", 1, 0x100, 0x200}});
  writer.symbols(procedures(types));
  writer.hashed(0x12A, cv_public(types, {"_Transmit@8", 1, 0x100}) +
                           cv_public(types, {"_Receive", 1, 0x300}));
  writer.hashed(0x129, cv_reference("Transmit"));
  writer.segments({{1, 0}, {2, 0}});
  writer.first_directory = 2;
  return writer.bytes();
}

void add_old_formats(Seeds& seeds) {
  CoffWriter coff;
  coff.piece(".text", 0, 1, 0x400);
  coff.function("_Transmit@8", 0x100, 1);
  coff.function("_a_name_of_more_than_eight_characters", 0x200, 1, true);
  for (bool nb11 : {true, false}) {
    const Bytes block = codeview(nb11);
    seeds.add("codeview_fuzz", block);
    DbgWriter dbg;
    dbg.exported_names = {"Transmit", "Receive"};
    dbg.entries = {{2, block},
                   {1, coff.debug_data()},
                   {3, fpo_record(0x1100, 0x80, 8, 2, 0x0203)},
                   {7, omap({{0x1000, 0x1000}})},
                   {8, omap({{0x1000, 0x1000}})}};
    seeds.add("dbg_fuzz", dbg.bytes());
  }
  DbgWriter pointer;
  pointer.entries = {{2, nb10(0x34C0CEA6, 3, "driver.pdb")}};
  seeds.add("dbg_fuzz", pointer.bytes());
  seeds.add("coff_fuzz", coff.table());
  seeds.add("coff_fuzz", coff.debug_data());
}

void add_texts(Seeds& seeds) {
  const std::string program = "$T0 $ebp = $eip $T0 4 + ^ = $ebp $T0 ^ = $esp $T0 8 + =";
  const std::string rules = ".cfa: $rsp 8 + .ra: .cfa -8 + ^ $rbx: .cfa -16 + ^";
  seeds.add("breakpad_sym_fuzz",
            "MODULE windows x86 5A9832E5287241C1838ED98914E9B7FF1 test.pdb\n"
            "FILE 0 c:\\src\\test.c\nINLINE_ORIGIN 0 inlined(int)\n"
            "FUNC m 1000 40 8 test::run(int)\nINLINE 0 12 0 0 1008 10\n1000 20 10 0\n1020 20 12 0\n"
            "FUNC 1040 20 0 leaf\n1040 20 30 0\nPUBLIC 2000 4 far_away\n"
            "STACK WIN 4 1000 40 3 0 8 0 10 0 1 " +
                program +
                "\nSTACK WIN 0 1040 20 0 0 4 4 0 0 0 1\n"
                "STACK CFI INIT 1000 40 .cfa: $rsp 8 + .ra: .cfa -8 + ^\n"
                "STACK CFI 1001 .cfa: $rsp 16 + $rbx: .cfa -16 + ^\n");
  seeds.add("frame_data_fuzz", fpo_record(0x1000, 0x40, 8, 2, 0x0203) +
                                   fpo_record(0x1040, 0x40, 0, 0, 0) +
                                   Bytes(program.begin(), program.end()));
  seeds.add("frame_data_fuzz",
            std::string(60, '\x10') + "$T0 .raSearch = $eip $T0 ^ = $esp $T0 4 + = $ebp $T0 @ =");
  seeds.add("cfi_fuzz", rules);
  seeds.add("cfi_fuzz", ".cfa: $ebp 8 + .ra: .cfa 4 - ^ $ebp: .cfa 8 - ^ $eax: 1 2 * 3 / 4 % 5 @");
}

// Dumps of Alpha and Itanium, for the targets that read whole files.
void add_paper_machines(Seeds& seeds) {
  const PaperMachine alpha = tests::alpha_machine();
  for (const char* target : {"kernel_dump_fuzz", "kernel_container_fuzz", "analyze_fuzz"}) {
    seeds.add(target, write_alpha_pagedump(alpha));
    for (RsBsp convention : {RsBsp::base, RsBsp::top}) {
      const PaperMachine itanium = tests::ia64_machine(convention);
      seeds.add(target, write_ia64_pagedu64(itanium));
      seeds.add(target, write_ia64_triage(itanium));
    }
  }
  for (const char* target : {"minidump_fuzz", "analyze_fuzz"})
    for (const PaperMachine& machine : {alpha, tests::ia64_machine()})
      seeds.add(target, write_paper_minidump(machine));
  seeds.add("userdump_fuzz", Bytes{0} + write_alpha_userdump(alpha)); // 0: the 32-bit form
  seeds.add("analyze_fuzz", write_alpha_userdump(alpha));
}

// Frozen facts of every shape that a value, a place or a row of coverage may have.
void add_facts(Seeds& seeds) {
  const std::string head = R"({"schema":"dumptriage.facts/1")";
  seeds.add("facts_fuzz", head + "}");
  seeds.add("facts_fuzz",
            head + R"(,"tool":{"name":"dumptriage","version":"1"},)"
                   R"("dump":{"path":"a.dmp","id":"b","pointer_size":4},"facts":[)"
                   R"({"kind":"stop","id":"stop","fields":{"code":10,"kind":"bugcheck",)"
                   R"("p1":"0x00000004"},"trust":"dump"},)"
                   R"({"id":"cpu:0","fields":{"crashed":true,"irql":"0xFFFFFFFFFFFFFFFF"},)"
                   R"("refs":["stop"],"kind":"cpu","where":{"space":"virtual",)"
                   R"("at":"0x80400000","column":1}}],"coverage":[{"kind":"stop",)"
                   R"("extent":"complete","seen":1,"of":1},{"kind":"irp",)"
                   R"("extent":"none","seen":0,"of":0,"missing":"\u00e9\ud83d\ude00"}]})");
  seeds.add("facts_fuzz",
            head + R"(,"later":[{"a":[1,-2.5e+3,null,true,"\\\"\n"]}],"facts":[{"kind":"new",)"
                   R"("id":"n","fields":{"x":{}}}]})");
}

} // namespace
} // namespace dumptriage::synth

int main(int count, char** arguments) {
  using namespace dumptriage::synth;
  if (count != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds DIR\n");
    return 2;
  }
  Seeds seeds(arguments[1]);
  const fs::path source = DUMPTRIAGE_SOURCE_DIR;
  const fs::path symbols = source / "dumps-samples/symbols";
  for (const char* end : {".exe", ".dll", ".sys"}) {
    for (const char* target : {"image_fuzz", "x86_code_fuzz", "unwind_x64_fuzz"})
      seeds.add_files(target, symbols, end);
    if (fs::exists(source / "tests/data/arm64"))
      for (const char* target : {"image_fuzz", "unwind_arm64_fuzz"})
        seeds.add_files(target, source / "tests/data/arm64", end);
  }
  seeds.add_files("pdb_fuzz", symbols, ".pdb");
  add_pdb20(seeds);
  add_old_formats(seeds);
  add_texts(seeds);
  add_facts(seeds);
  add_paper_machines(seeds);
  for (bool running : {false, true})
    seeds.add("analyze_fuzz", Wow64Dump{.running = running, .exception = true}.finish());
  return 0;
}
