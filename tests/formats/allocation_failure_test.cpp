// Promise P5: running out of memory is an Error, at whichever allocation it happens.
#include <gtest/gtest.h>

#include <functional>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/npz.hpp"
#include "lacuna/formats/pt_reader.hpp"
#include "lacuna/formats/pt_writer.hpp"
#include "pickle_bytes.hpp"
#include "support/failing_allocator.hpp"
#include "support/temp_folder.hpp"
#include "zip_bytes.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

// Runs `action` with its first, second, … allocation failing, until one run needs no more; returns how many failed.
std::uint64_t fail_each_allocation(const std::function<void()>& action) {
  for (std::uint64_t nth = 0; nth < 100'000; ++nth) {
    const test::FailingAllocation failing(nth);
    try {
      action();
      if (!failing.happened()) return nth;
    } catch (const Error& error) {
      EXPECT_TRUE(failing.happened()) << error.what();
      EXPECT_EQ(error.code(), ErrorCode::out_of_memory) << "allocation " << nth << ": " << error.what();
    }
  }
  ADD_FAILURE() << "never succeeds";
  return 0;
}

std::string nested_pickle(const std::string& more) {
  using namespace test::pickle;
  const std::string parameter =
      global("torch._utils", "_rebuild_parameter") + tuple(vector(4, more) + "\x88" + ordered_dict()) + "R";
  return proto() + "}(" + text("a") + vector(4, more) + text("b") + "](" + parameter + text("leaf") + "e" + text("c") +
         ordered_dict() + text("d") + vector(4, more) + "s" + "u.";
}

TEST(AllocationFailure, IsAnErrorInEveryReader) {
  const std::string four(16, 'f');
  const test::TempFolder folder;
  const std::string array = npy_header(DType::u8, std::vector<std::int64_t>{300}) + std::string(300, 'x');
  const std::vector<fs::path> files = {
      folder.write("zip.pt", test::pt_zip_bytes(nested_pickle(""), {{"0", four}})),
      folder.write("legacy.pt", test::pt_legacy_bytes(nested_pickle("N"), {{"0", 4, four}})),
      folder.write("a.npy", array),
      folder.write("stored.npz", test::zip_bytes({{"a.npy", array}, {"b.npy", array}})),
      folder.write("deflated.npz", test::zip_bytes({test::deflated_part("a.npy", array)})),
  };
  for (const auto& path : files) {
    const auto n = fail_each_allocation([&] { open_tensor_file(path); });
    EXPECT_GE(n, 5U) << path;
  }
}

TEST(AllocationFailure, IsAnErrorInEveryWriterAndLeavesNothing) {
  const test::TempFolder folder;
  const float values[6] = {1, 2, 3, 4, 5, 6};
  TensorView turned = make_tensor_view(DType::f32, {2, 3}, values);
  std::swap(turned.shape[0], turned.shape[1]);
  std::swap(turned.strides[0], turned.strides[1]);
  const std::vector<NamedTensor> tensors = {{"a rather long name, beyond any small buffer", turned}, {"b", turned}};
  const fs::path path = folder / "out";
  const auto expect = [&](const std::function<void(const fs::path&)>& write) {
    EXPECT_GE(fail_each_allocation([&] { write(path); }), 5U);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);  // no temporary files
    fs::remove(path);
  };
  expect([&](const fs::path& out) { write_pt(out, tensors); });
  expect([&](const fs::path& out) { write_pt_tensor(out, turned); });
  expect([&](const fs::path& out) { write_npz(out, tensors); });
  expect([&](const fs::path& out) { write_npy(out, turned); });
}

}  // namespace
}  // namespace lacuna
