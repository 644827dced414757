namespace {
struct Counter {
  int value;
  __attribute__((noinline)) int next(int step) { return value += step; }
};
Counter counter{3};
__attribute__((noinline)) int hidden(int value) { return counter.next(value); }
} // namespace

namespace shop {
int price(int value) { return hidden(value) * 2; }
} // namespace shop

extern "C" int start() { return shop::price(4); }
