// Kernels that ran: what they noted of themselves while they did is what must be read of their
// dumps (tests/data/kernels, made by tools/samples/machine).
#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "system/snapshot.h"

namespace dumptriage::system {
namespace {

using Json = nlohmann::json;

std::uint64_t number(const Json& value) {
  return value.is_string() ? std::stoull(value.get<std::string>(), nullptr, 16)
                           : value.get<std::uint64_t>();
}

std::vector<std::string> kernels() {
  std::vector<std::string> names;
  const std::string end = ".truth.json";
  for (const auto& entry :
       std::filesystem::directory_iterator(DUMPTRIAGE_SOURCE_DIR "/tests/data/kernels")) {
    std::string name = entry.path().filename().string();
    if (name.ends_with(end)) names.push_back(name.substr(0, name.size() - end.size()));
  }
  std::ranges::sort(names);
  return names;
}

class OwnKernel : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    const std::string path = DUMPTRIAGE_SOURCE_DIR "/tests/data/kernels/" + GetParam();
    truth = Json::parse(std::ifstream(path + ".truth.json"));
    auto opened = dump::open(path + ".dmp.xz");
    ASSERT_TRUE(opened) << opened.error().message();
    dump = std::make_unique<dump::Dump>(std::move(*opened));
    snapshot = take_snapshot(*dump);
  }
  Json truth;
  std::unique_ptr<dump::Dump> dump;
  Snapshot snapshot;
};
INSTANTIATE_TEST_SUITE_P(All, OwnKernel, testing::ValuesIn(kernels()), [](const auto& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST_P(OwnKernel, ModulesAreThoseThatWereLoaded) {
  EXPECT_TRUE(snapshot.modules_complete);
  ASSERT_EQ(snapshot.modules.size(), truth["modules"].size());
  for (std::size_t i = 0; i < snapshot.modules.size(); ++i) {
    const dump::Module& module = snapshot.modules[i];
    const Json& known = truth["modules"][i];
    EXPECT_EQ(lower(module.name()), lower(known["name"].get<std::string>()));
    EXPECT_EQ(module.base, number(known["base"]));
    EXPECT_EQ(module.size, number(known["size"]));
    EXPECT_EQ(module.timestamp, number(known["timestamp"]));
    EXPECT_EQ(module.checksum, number(known["checksum"]));
    EXPECT_EQ(module.debug.key(), known["debug_id"].get<std::string>());
  }
}

TEST_P(OwnKernel, ProcessesAreThoseOfTheList) {
  EXPECT_TRUE(snapshot.processes_complete);
  std::vector<Json> listed; // the idle process is in no list
  for (const Json& process : truth["processes"])
    if (!process["idle"].get<bool>()) listed.push_back(process);
  ASSERT_EQ(snapshot.processes.size(), listed.size());
  for (std::size_t i = 0; i < listed.size(); ++i) {
    const Process& process = snapshot.processes[i];
    EXPECT_EQ(process.object, number(listed[i]["object"]));
    EXPECT_EQ(process.id, number(listed[i]["id"]));
    EXPECT_EQ(process.name, listed[i]["name"].get<std::string>());
    EXPECT_EQ(process.directory_table_base, number(listed[i]["directory"]));
    EXPECT_TRUE(process.threads_complete);
  }
}

TEST_P(OwnKernel, EveryCpuHasItsThreadAndRegisters) {
  ASSERT_EQ(snapshot.cpus.size(), truth["cpus"].size());
  for (std::size_t i = 0; i < snapshot.cpus.size(); ++i) {
    const Cpu& cpu = snapshot.cpus[i];
    const Json& known = truth["cpus"][i];
    EXPECT_EQ(cpu.number, number(known["number"]));
    EXPECT_EQ(cpu.prcb, number(known["prcb"]));
    EXPECT_EQ(cpu.current_thread, number(known["thread"]));
    EXPECT_EQ(cpu.idle_thread, number(known["idle_thread"]));
    EXPECT_EQ(cpu.crashed, known["crashed"].get<bool>());
    EXPECT_TRUE(cpu.context);
    EXPECT_NE(cpu.context_from, "");
  }
}

TEST_P(OwnKernel, EveryThreadIsThereOnce) {
  EXPECT_TRUE(snapshot.threads_complete);
  EXPECT_EQ(snapshot.threads.size(), truth["threads"].size());
  EXPECT_TRUE(snapshot.threads[0].crashed);
  for (const Json& known : truth["threads"]) {
    std::uint64_t object = number(known["object"]);
    SCOPED_TRACE(known["name"].get<std::string>());
    ASSERT_EQ(std::ranges::count(snapshot.threads, object, &ThreadState::object), 1);
    const ThreadState& thread = *std::ranges::find(snapshot.threads, object, &ThreadState::object);
    if (!thread.idle) EXPECT_EQ(thread.id, std::to_string(number(known["id"])));
    EXPECT_EQ(thread.idle, number(known["id"]) == 0);
    EXPECT_EQ(thread.process_object, number(known["process"]));
    if (!known["state"].is_null()) EXPECT_EQ(thread.state, known["state"].get<std::string>());
    if (known.contains("wait_reason")) EXPECT_EQ(thread.wait_reason, number(known["wait_reason"]));
    for (const Cpu& cpu : snapshot.cpus)
      if (cpu.current_thread == object) EXPECT_EQ(thread.cpu, cpu.number);
    // The saved context, or the switch frame: on a stack that is the thread's.
    if (thread.state == "waiting") {
      ASSERT_TRUE(thread.context);
      EXPECT_EQ(thread.context_from, "switch frame");
      auto sp = thread.context->get(arch::find(snapshot.machine)->sp);
      EXPECT_TRUE(sp >= thread.stack_low && sp < thread.stack_high);
    }
  }
}

TEST_P(OwnKernel, UnloadedDriversAreRemembered) {
  if (snapshot.os.build == 1381) {
    EXPECT_TRUE(snapshot.unloaded_modules.empty()); // no debugger data say where they are
    return;
  }
  ASSERT_EQ(snapshot.unloaded_modules.size(), truth["unloaded"].size());
  for (const Json& known : truth["unloaded"]) {
    auto at = std::ranges::find(snapshot.unloaded_modules, number(known["start"]),
                                &dump::UnloadedModule::base);
    ASSERT_NE(at, snapshot.unloaded_modules.end());
    EXPECT_EQ(at->name, known["name"].get<std::string>());
    EXPECT_EQ(at->base + at->size, number(known["end"]));
  }
}

TEST_P(OwnKernel, TheLayoutIsProvedOnTheDumpsOwnObjects) {
  EXPECT_EQ(snapshot.layout_trust, "sourced");
  EXPECT_GE(snapshot.layout_checks.size(), 5u);
  EXPECT_EQ(snapshot.os.build, number(truth["build"]));
}

} // namespace
} // namespace dumptriage::system
