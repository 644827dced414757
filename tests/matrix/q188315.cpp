#include "matrix/scenes.h"
#include "synth/nt4_pool.h"

namespace dumptriage::matrix {
namespace {

constexpr std::uint64_t kPoolPage = 0x80F41000;

void lay_code(NtMachine& m, const SessionScene& scene, State state) {
  auto add = [&](NtImage image) {
    if (scene.terminal_server) image.version[3] = 0x8000 + 419;
    m.code.add(std::move(image));
  };
  NtImage nt = kernel(NtSystem::nt4_x86, {"AfpMessageWorker"});
  nt.timestamp = day(1997, 5, 1);
  add(nt);
  // mov [esi+edi*4+8], eax: a slot of the session that a counter in the session chooses.
  const synth::Bytes body = {0x89, 0x44, 0xBE, 0x08};
  NtImage sfm =
      driver(NtSystem::nt4_x86, "sfmsrv.sys",
             {{.name = "AfpMessageWorker",
               .parameters = 1,
               .calls = {"AfpSendServerMessage", "AfpVolumeClose"}},
              {.name = "AfpSendServerMessage", .parameters = 2, .calls = {"AfpQueueAttention"}},
              {.name = "AfpQueueAttention", .parameters = 2, .body = body},
              {.name = "AfpVolumeClose", .parameters = 1, .body = body}});
  // Service Pack 4 came out for Server in October 1998, for Terminal Server in 1999.
  const std::uint32_t fixed = scene.terminal_server ? day(2000, 1, 5) : day(1998, 12, 4);
  sfm.timestamp = state == State::fixed ? fixed : day(1996, 8, 1);
  add(sfm);
  m.code.link();
  m.load_images();
}

} // namespace

Made make_q188315(const SessionScene& scene, State state, Level level) {
  NtMachine m(NtSystem::nt4_x86, level != Level::none);
  lay_code(m, scene, state);
  synth::Nt4Pool pool(kPoolPage);
  pool.add("Irp ", 0x120, true);
  const std::uint64_t freed = pool.add("AfpS", 0xA0, false);
  const std::uint64_t used = pool.add("AfpV", 0xC0, true);
  m.write(kPoolPage, pool.page());
  const Touched touched =
      scene.touched.value_or(state == State::other ? Touched::allocated : Touched::freed);
  const auto [limit, base] = m.next_stack();
  NtStack stack(m.code, limit, base);
  stack.begin("PspSystemThreadStartup");
  stack.call("ExpWorkerThread");
  stack.call("AfpMessageWorker");
  const std::string last = state == State::other ? "AfpVolumeClose" : "AfpQueueAttention";
  if (state != State::other) stack.call("AfpSendServerMessage");
  stack.call(last);
  stack.registers[6] = touched == Touched::null ? 0 : touched == Touched::freed ? freed : used;
  stack.registers[7] = touched == Touched::null ? 1 : 0x00A00000; // what stands in the block now
  const auto address = static_cast<std::uint32_t>(stack.registers[6] + 4 * stack.registers[7] + 8);
  const std::uint64_t pc = m.code.body(last);
  m.stop = scene.stop;
  m.parameters = {address, 2, 1, pc};
  if (scene.stop == 0x1E) m.parameters = {0xC0000005, pc, 1, address};
  if (scene.stop == 0x50) m.parameters = {address, 1, pc, 0};
  stack.fault("KiTrap0E", 2);
  stack.call("KeBugCheckEx", {scene.stop, address, 2, 1, static_cast<std::uint32_t>(pc)});
  m.thread(stack, {.cpu = 0, .context = stack.context(true)});
  if (state == State::edition) m.product_type = 1;
  if (state == State::os) m.build = 2195;
  if (state == State::paged_out) m.page_out(kPoolPage);
  return {dump_of(m, "full"), symbols(m, level), truth_of(m, {&stack})};
}

} // namespace dumptriage::matrix
