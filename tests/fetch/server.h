// An HTTP server on loopback that does what a test tells it, word for word: late, cut off, lying.
// One request a connection.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace dumptriage::symbols::fetch {

struct Asked {
  std::string path;
  std::map<std::string, std::string> headers; // names in lower case
};

class Server {
public:
  // The bytes of the answer, with status line and headers.  A connection is closed behind them.
  using Answer = std::function<std::string(const Asked&)>;

  explicit Server(Answer answer) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    ::listen(listener_, 64);
    socklen_t size = sizeof(address);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { accept_all(); });
  }
  ~Server() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    for (std::thread& thread : connections_) thread.join();
    ::close(listener_);
  }

  std::string url(const std::string& path = {}) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  std::vector<std::string> paths() const { // asked for so far, in order
    std::lock_guard lock(mutex_);
    return paths_;
  }
  std::size_t count(const std::string& path) const {
    std::size_t times = 0;
    for (const std::string& asked : paths()) times += asked == path;
    return times;
  }

private:
  void accept_all() {
    while (!stopping_) {
      int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) return;
      connections_.emplace_back([this, connection] { serve(connection); });
    }
  }

  void serve(int connection) {
    std::string request;
    char buffer[4096];
    while (request.find("\r\n\r\n") == std::string::npos) {
      ssize_t got = ::recv(connection, buffer, sizeof(buffer), 0);
      if (got <= 0) break;
      request.append(buffer, static_cast<std::size_t>(got));
    }
    Asked asked = parsed(request);
    {
      std::lock_guard lock(mutex_);
      paths_.push_back(asked.path);
    }
    std::string answer = answer_(asked);
    for (std::size_t sent = 0; sent < answer.size();) {
      ssize_t wrote = ::send(connection, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
      if (wrote <= 0) break;
      sent += static_cast<std::size_t>(wrote);
    }
    ::shutdown(connection, SHUT_WR);
    while (!stopping_ && ::recv(connection, buffer, sizeof(buffer), 0) > 0) {
    }
    ::close(connection);
  }

  static Asked parsed(const std::string& request) {
    Asked asked;
    std::size_t start = request.find(' '), end = request.find(' ', start + 1);
    if (end == std::string::npos) return asked;
    asked.path = request.substr(start + 1, end - start - 1);
    for (std::size_t line = request.find("\r\n") + 2; line < request.size();) {
      std::size_t stop = request.find("\r\n", line), colon = request.find(": ", line);
      if (stop == std::string::npos || stop == line) break;
      if (colon < stop) {
        std::string name = request.substr(line, colon - line);
        for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        asked.headers[name] = request.substr(colon + 2, stop - colon - 2);
      }
      line = stop + 2;
    }
    return asked;
  }

  Answer answer_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
  std::vector<std::thread> connections_;
  mutable std::mutex mutex_;
  std::vector<std::string> paths_;
};

inline std::string reply(const std::string& status, const std::string& body,
                         const std::string& headers = {}) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n" + headers + "\r\n" + body;
}
inline std::string ok(const std::string& body, const std::string& headers = {}) {
  return reply("200 OK", body, headers);
}
inline std::string not_found() { return reply("404 Not Found", "no"); }

} // namespace dumptriage::symbols::fetch
