# Small data sets of the GLMM tests -> ../data/*.csv.gz, described in ../data/PROVENANCE.md.
# Run from this folder: Rscript glmm_data.R
suppressMessages({library(MASS); library(lme4)})
put <- function(d, name) {
  con <- gzfile(file.path("../data", paste0(name, ".csv.gz")), "wb", compression = 9)
  write.csv(d, con, row.names = FALSE, quote = FALSE); close(con)
}
put(bacteria, "bacteria")
put(epil[c("y", "trt", "base", "age", "V4", "subject", "period")], "epil")
put(data.frame(dead = c(1, 4, 9, 13, 18, 20, 0, 2, 6, 10, 12, 16), dose = rep(0:5, 2),
               sex = rep(c("M", "F"), each = 6), obs = 1:12), "budworm")
# Blocks with and without defenders, eaten or not: without, all are eaten (`separated`), or all but one.
set.seed(20)
d <- expand.grid(rep = 1:2, defence = c("none", "crab", "shrimp", "both"), block = 1:10)
eta <- c(none = 9, crab = 1.5, shrimp = 1, both = -1)[as.character(d$defence)] + rnorm(10, 0, 3)[d$block]
d$eaten <- as.integer(runif(80) < plogis(eta)); d$eaten[d$defence == "none"] <- 1L
d$separated <- d$eaten; d$eaten[d$defence == "none" & d$block == 7 & d$rep == 2] <- 0L
put(d[c("eaten", "separated", "defence", "block")], "defenders")
# One simulated table with a response of each family.
set.seed(1)
n <- 360; g <- rep(1:40, each = 9); h <- rep(1:12, 30)
x <- round(rnorm(n), 3); z <- rep(c("a", "b", "c"), length.out = n)
b0 <- rnorm(40); b1 <- rnorm(40); bh <- rnorm(12)
zz <- c(a = 0, b = 0.4, c = -0.3)[z]
eta <- 0.3 + 0.5 * x + zz + 0.7 * b0[g] + 0.3 * b1[g] * x
size <- 1 + rep(1:7, length.out = n); exposure <- round(exp(rnorm(n, 0, 0.4)), 3)
mu <- exp(0.2 + 0.3 * x + zz / 2 + 0.4 * b0[g] + 0.3 * bh[h])
p <- plogis(eta)
inverse_gaussian <- function(mu, lambda) {
  v <- rnorm(length(mu))^2; y <- mu + mu^2 * v / (2 * lambda) - mu / (2 * lambda) * sqrt(4 * mu * lambda * v + mu^2 * v^2)
  ifelse(runif(length(mu)) <= mu / (mu + y), y, mu^2 / y)
}
d <- data.frame(g = g, h = h, x = x, z = z, size = size, exposure = exposure,
  bern = rbinom(n, 1, p), succ = rbinom(n, size, p), prob = rbinom(n, 1, pnorm(eta * 0.7)),
  cll = rbinom(n, 1, 1 - exp(-exp(eta - 0.6))), count = rpois(n, mu * exposure),
  nb = rnbinom(n, mu = mu * 2, size = 1.5), gam = signif(rgamma(n, shape = 4, rate = 4 / mu), 6),
  inv = signif(inverse_gaussian(mu, 6), 6), beta = round(pmin(pmax(rbeta(n, 8 * p, 8 * (1 - p)), 1e-4), 1 - 1e-4), 5),
  bb = rbinom(n, size, rbeta(n, 5 * p, 5 * (1 - p))), pos = round(mu + rnorm(n, 0, 0.3), 4), w = 1 + (0:(n - 1)) %% 3)
put(d, "families")
