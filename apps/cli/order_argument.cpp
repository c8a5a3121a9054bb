#include "order_argument.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "lacuna/cluster/cluster_orders.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/npy.hpp"

namespace lacuna::cli {
namespace {

// A permutation of the features as an .npy vector of integers, or as text: one index a line.
FeatureOrder read_order(const std::string& path) {
  FeatureOrder order;
  if (std::filesystem::path(path).extension() == ".npy") {
    const TensorArchive archive = read_npy(path);
    const TensorView& view = archive.tensors.front().view;
    if (view.shape.size() != 1 || (view.dtype != DType::i64 && view.dtype != DType::i32)) {
      throw Error(ErrorCode::invalid_argument, fmt::format("order: expected a vector of int64 or int32, got {} {}",
                                                           dtype_name(view.dtype), shape_text(view.shape)))
          .at(path);
    }
    std::vector<std::byte> bytes(view.bytes());
    copy_contiguous(view, bytes.data());
    for (std::int64_t i = 0; i < view.numel(); ++i) {
      std::int64_t wide = 0;
      std::int32_t narrow = 0;
      if (view.dtype == DType::i64) std::memcpy(&wide, bytes.data() + i * 8, 8);
      if (view.dtype == DType::i32) std::memcpy(&narrow, bytes.data() + i * 4, 4);
      order.push_back(view.dtype == DType::i64 ? wide : narrow);
    }
    return order;
  }
  std::istringstream text(read_file(path, std::uint64_t{1} << 30));
  for (std::string word; text >> word;) {
    std::int64_t index = 0;
    const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), index);
    if (failure != std::errc() || end != word.data() + word.size()) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("order: expected an integer at entry {}, got {:.40}", order.size(), word))
          .at(path);
    }
    order.push_back(index);
  }
  return order;
}

}  // namespace

MakeOrder order_maker(const OrderArgument& argument, std::int64_t block) {
  if (!is_order_name(argument.order)) {
    if (!std::filesystem::exists(argument.order)) {
      throw Error(ErrorCode::not_found,
                  fmt::format("--order {}: neither the name of an order nor a file", argument.order))
          .hint(fmt::format("orders: {}", fmt::join(order_names(), ", ")));
    }
    return [order = read_order(argument.order)](const FeaturePatterns&, std::uint64_t) { return order; };
  }
  return [&argument, block](const FeaturePatterns& patterns, std::uint64_t seed) {
    return named_order(argument.order, patterns, {block, argument.k, argument.feature}, seed);
  };
}

bool is_named_order(const std::string& order) { return is_order_name(order); }

void add_order_argument(CLI::App& command, OrderArgument& argument) {
  command
      .add_option(
          "--order", argument.order,
          "stored, frequency (most non-zeros first), gradient (distance to a feature), kmeans (by cluster), "
          "balanced (clusters of a block), groups (exhaustive grouping), or a file with a permutation: .npy, or "
          "text with an index a line")
      ->type_name("ORDER|FILE")
      ->capture_default_str();
  command.add_option("--feature", argument.feature, "main feature of the gradient; default: a random one")
      ->type_name("J");
  command.add_option("--k", argument.k, "clusters of --order kmeans")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

}  // namespace lacuna::cli
