# What R draws, for tests/workflow/test_r_random.py. Run: Rscript rng.R > rng.json
num <- function(x) paste0("[", paste(sprintf("\"%a\"", x), collapse = ","), "]")
int <- function(x) paste0("[", paste(x, collapse = ","), "]")
seeds <- c(0, 1, 42, 123, -1, -20250101, 2147483647, -2147483647)
out <- sapply(seeds, function(s) {
  set.seed(s); u <- runif(630); z <- rnorm(150)
  set.seed(s); m <- rnorm(50, 55, 7); r <- runif(5, -2, 3)
  set.seed(s); shuffle <- sample(40); part <- sample(1000, 30); dice <- sample(6, 30, TRUE)
  big <- sample(100000, 20); edge <- sample(65536, 20); one <- sample(1, 1); last <- rnorm(3)
  sprintf(paste0('{"seed":%d,"runif":%s,"rnorm":%s,"scaled":%s,"interval":%s,"shuffle":%s,',
                 '"part":%s,"dice":%s,"big":%s,"edge":%s,"one":%s,"last":%s}'),
          as.integer(s), num(u), num(z), num(m), num(r), int(shuffle), int(part), int(dice),
          int(big), int(edge), int(one), num(last))
})
set.seed(2024)
digest <- rnorm(200000)
p <- c(1e-300, 1e-100, 1e-20, 1e-12, 1.3e-11, 1e-5, 0.01, 0.074, 0.075, 0.076, 0.3, 0.5, 0.7,
       0.924, 0.925, 0.926, 0.99, 1 - 1e-10, 1 - 1e-15)
cat(sprintf('{"r":"%s",\n"draws":[\n%s\n],\n"p":%s,\n"qnorm":%s,\n"last_of_200000":%s}\n',
            R.version.string, paste(out, collapse = ",\n"), num(p), num(qnorm(p)),
            num(tail(digest, 200))))
