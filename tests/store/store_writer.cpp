// A second process for the store's tests: holds a database open, or writes record sets until it is killed.
//
// usage: store_writer hold|sets DATABASE
#include <unistd.h>

#include <iostream>
#include <string>

#include "lacuna/store/database.hpp"
#include "sample_records.hpp"

namespace {

void write_set(lacuna::Database& database, int i) {
  lacuna::RecordSet set(database);
  const std::string id = "run-" + std::to_string(i);
  database.write(lacuna::test::sample_run(id));
  std::vector<lacuna::MatrixRecord> matrices;
  for (int layer = 0; layer < 5; ++layer) {
    matrices.push_back(lacuna::test::sample_matrix(id, layer, "mlp.down_proj"));
  }
  database.write(matrices);
  database.write(lacuna::test::sample_comparison(id, "dense", 5000), lacuna::test::sample_features(5000));
  set.commit();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  lacuna::Database database(argv[2]);
  std::cout << "ready" << std::endl;  // flushed: the test waits for it
  if (std::string(argv[1]) == "hold") pause();
  for (int i = 0;; ++i) {
    write_set(database, i);
    std::cout << i << std::endl;
  }
}
