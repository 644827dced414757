#include "matrix/scenes.h"

namespace dumptriage::matrix {
namespace {

const char* const kCopy = "NbtCopyToStartOfIndicate";
const char* const kElsewhere = "NbtDereferenceConnection";

synth::Bytes store(bool wide) { // mov [edi], eax
  return wide ? synth::Bytes{0x48, 0x89, 0x07} : synth::Bytes{0x89, 0x07};
}

void lay_code(NtMachine& m, const NetbtScene& scene, State state) {
  auto add = [&](NtImage image) {
    if (state == State::edition) { // files of Service Pack 1
      image.version[3] = 1830;
      image.timestamp = day(2005, 3, 25);
    }
    m.code.add(std::move(image));
  };
  add(kernel(scene.system, {"TCPRcv", "SrvWorker"}));
  add(driver(scene.system, "tcpip.sys",
             {{.name = "TCPRcv", .parameters = 3, .calls = {"TdiReceiveHandler"}}}));
  add(driver(scene.system, "netbt.sys",
             {{.name = "TdiReceiveHandler",
               .parameters = 4,
               .calls = {"NbtProcessSessionMessage", kElsewhere}},
              {.name = "NbtProcessSessionMessage", .parameters = 3, .calls = {kCopy}},
              {.name = kCopy, .parameters = 3, .body = store(m.wide)},
              {.name = kElsewhere, .parameters = 1, .body = store(m.wide)}}));
  add(driver(scene.system, "srv.sys",
             {{.name = "SrvWorker", .parameters = 1, .body = store(m.wide)}}));
  m.code.link();
  m.load_images();
}

// The stop's parameters, as each code has them, of a write to `address`.
void set_stop(NtMachine& m, std::uint32_t code, std::uint64_t address, std::uint64_t pc) {
  m.stop = code;
  switch (code) {
  case 0x1E:
  case 0x7E: m.parameters = {0xC0000005, pc, 1, address}; break;
  case 0x24: m.parameters = {0x001902FE, 0, 0, 0}; break;
  case 0x50: m.parameters = {address, 1, pc, 0}; break;
  default: m.parameters = {address, 2, 1, pc}; break;
  }
  if (code == 0x7E) m.parameters = {0xC0000005, pc, 0, 0}; // record and context are not captured
}

} // namespace

Made make_kb961799(const NetbtScene& scene, State state, Level level) {
  NtMachine m(scene.system, level != Level::none);
  lay_code(m, scene, state);
  const std::string top = state == State::other ? kElsewhere : kCopy;
  const std::uint64_t address = m.wide ? 0xFFFFFADFE8842000 : 0x89A42000;
  auto receive = [&](NtStack& stack) {
    stack.begin("PspSystemThreadStartup");
    stack.call("ExpWorkerThread");
    stack.call("TCPRcv");
    stack.call("TdiReceiveHandler");
    if (state != State::other) stack.call("NbtProcessSessionMessage");
    stack.call(top);
  };
  auto serve = [&](NtStack& stack) {
    stack.begin("PspSystemThreadStartup");
    stack.call("ExpWorkerThread");
    stack.call("SrvWorker");
  };
  const auto first = m.next_stack(), second = m.next_stack();
  NtStack crashed(m.code, first.first, first.second), frozen(m.code, second.first, second.second);
  crashed.registers[7] = frozen.registers[7] = address;
  scene.other_cpu ? serve(crashed) : receive(crashed);
  scene.other_cpu ? receive(frozen) : serve(frozen);
  set_stop(m, scene.stop, address, m.code.body(scene.other_cpu ? "SrvWorker" : top));
  crashed.fault(m.wide ? "KiPageFault" : "KiTrap0E", 2);
  crashed.call("KeBugCheckEx", {scene.stop, static_cast<std::uint32_t>(m.parameters[0]),
                                static_cast<std::uint32_t>(m.parameters[1]),
                                static_cast<std::uint32_t>(m.parameters[2]),
                                static_cast<std::uint32_t>(m.parameters[3])});
  m.thread(crashed, {.cpu = 0, .context = crashed.context()});
  m.thread(frozen, {.cpu = 1, .context = frozen.context()});
  if (scene.client) m.product_type = 1;
  if (state == State::edition) m.service_pack = 1;
  if (state == State::os) m.build = 6002; // Server 2008 SP2
  if (state == State::paged_out) {
    const NtStack& receiving = scene.other_cpu ? frozen : crashed;
    m.page_out(receiving.limit(), receiving.base() - receiving.limit());
    m.page_out(m.code.images()[2].base, 0x5000);
  }
  return {dump_of(m, scene.kind), symbols(m, level), truth_of(m, {&crashed, &frozen})};
}

} // namespace dumptriage::matrix
