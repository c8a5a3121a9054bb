// Any bytes as the pickle of a .pt file: an Error, or a tree whose references stay inside it and whose tensors lie
// inside the storages that it declares.
#include "lacuna/formats/pt_objects.hpp"
#include "touch_views.hpp"

namespace {

void check_tree(const lacuna::PickleTree& tree, std::size_t size) {
  using lacuna::PickleKind;
  if (tree.end > size) std::abort();
  for (const auto& node : tree.nodes) {
    if (node.offset >= size) std::abort();
    for (const auto& item : node.items) {
      const auto index = static_cast<std::size_t>(item.number);
      if (item.kind == PickleKind::string && index + item.length > tree.text_pool.size()) std::abort();
      if (item.kind >= PickleKind::list && (index >= tree.nodes.size() || tree.nodes[index].kind != item.kind)) {
        std::abort();
      }
    }
  }
}

void check_objects(const lacuna::PtObjects& objects) {
  for (const auto& tensor : objects.tensors) {
    const auto& storage = objects.storages.at(tensor.storage);
    bool empty = false;
    std::uint64_t last = tensor.first;
    for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
      empty = empty || tensor.shape[d] == 0;
      last += static_cast<std::uint64_t>((tensor.shape[d] - 1) * tensor.strides[d]);
    }
    if (!empty && last >= storage.numel) std::abort();
  }
  for (const auto& name : objects.names) {
    if (name.tensor >= objects.tensors.size()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lacuna::ByteSource source(std::as_bytes(std::span(data, size)), "fuzz");
  for (const auto container : {lacuna::PtContainer::zip, lacuna::PtContainer::legacy}) {
    try {
      lacuna::MemoryBudget budget(size);
      const auto tree = lacuna::read_pickle(source, 0, size, budget);
      check_tree(tree, size);
      check_objects(lacuna::read_pt_objects(tree, container, source, budget));
    } catch (const lacuna::Error& error) {
      lacuna::fuzz::require_proper(error, size);
    }
  }
  return 0;
}
