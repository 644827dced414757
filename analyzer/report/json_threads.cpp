#include "report/json_parts.h"

namespace dumptriage::report::json {
namespace {

Json frame_of(const FrameRow& row, bool sure, int pointer_size) {
  Json frame;
  frame["index"] = row.index;
  put(frame, "frame", row.frame);
  frame["pc"] = address(row.pc, pointer_size);
  frame["sp"] = address(row.sp, pointer_size);
  put(frame, "module", row.module);
  put(frame, "function", row.function);
  put_address(frame, "offset", row.offset, pointer_size);
  put(frame, "file", row.file);
  if (row.line != 0) frame["line"] = row.line;
  frame["trust"] = row.trust;
  frame["sure"] = sure;
  put(frame, "origin", row.origin);
  put(frame, "name_source", row.name_source);
  if (!row.name_source.empty()) frame["name_exact"] = row.name_exact;
  put(frame, "name_origin", row.name_origin);
  if (row.is_inline) frame["inline"] = true;
  return frame;
}

void put_stack(Json& to, const StackRows& stack, int pointer_size) {
  put(to, "context_from", stack.context_from);
  to["sure_frames"] = stack.sure_frames;
  to["whole"] = stack.whole;
  Json frames = Json::array();
  for (std::size_t i = 0; i < stack.frames.size(); ++i)
    frames.push_back(frame_of(stack.frames[i], i < stack.sure_frames, pointer_size));
  to["frames"] = std::move(frames);
  put(to, "sure_ended", stack.sure_ended);
  put(to, "ended", stack.ended);
  put(to, "settled", stack.settled);
}

} // namespace

Json threads_of(const Document& d) {
  Json threads = Json::array();
  for (const ThreadRow& row : d.threads) {
    Json thread;
    thread["id"] = row.id;
    put(thread, "name", row.name);
    put(thread, "process", row.process);
    put(thread, "cpu", row.cpu);
    put(thread, "state", row.state);
    put(thread, "wait", row.wait);
    put_address(thread, "object", row.object, d.pointer_size);
    put(thread, "process_id", row.process_id);
    put(thread, "priority", row.priority);
    put(thread, "wait_s", row.wait_s);
    put_address(thread, "start_address", row.start_address, d.pointer_size);
    put(thread, "start", row.start);
    if (!row.wait_objects.empty()) thread["wait_objects"] = row.wait_objects;
    thread["crashed"] = row.crashed;
    thread["walked"] = row.walked;
    if (row.walked) {
      put_stack(thread, row, d.pointer_size);
      if (row.wow64) put_stack(thread["wow64"], *row.wow64, 4);
    }
    threads.push_back(std::move(thread));
  }
  return threads;
}

} // namespace dumptriage::report::json
