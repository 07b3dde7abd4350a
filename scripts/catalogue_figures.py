"""Figures of the catalogue that no package carries, typed in with their source and date.

Branch interfaces follow the size within a family: what stays constant is the *task budget* of a trunked
instance, branch + ENIs - 2 (NET-011), so the budget is typed and the branch figure is what the ENIs leave of
it.
"""

# --- typed in: branch interfaces --------------------------------------------------------------------
# Where the figures were read, and the day on which that text was made. AWS publishes the numbers only in the
# list of its VPC resource controller; Karpenter carries a later copy of the same list, which was read for the
# types that the first lacks. Whole commits, to look them up:
#   02c28c714bc8393f42fc9db2bc264e421c62aba4 of aws/amazon-vpc-resource-controller-k8s
#   01a436f0bbbc75a1252aba1a3a48ca115b7e6cc0 of aws/karpenter-provider-aws
#   021abe8ca185a054dea7bab21e631f9461e05bd6 of awsdocs/amazon-ecs-developer-guide
LIMITS_READ = ("aws/amazon-vpc-resource-controller-k8s 02c28c714bc8, pkg/aws/vpc/limits.go", "2025-10-06")
LATER_LIMITS_READ = (
    "aws/karpenter-provider-aws 01a436f0bbbc, pkg/providers/instancetype/zz_generated.vpclimits.go",
    "2026-08-06",
)
GUIDE_READ = ("awsdocs/amazon-ecs-developer-guide 021abe8ca185, doc_source/container-instance-eni.md", "2023")
# Families and single types that only the later list has; i4i.large was incompatible in the first.
IN_LATER_LIMITS = """
c8a c8gb c8ib c8id c8in c8ine c9g c9gd g7 g7e hpc7g m8a m8azn m8gb m8gn m8ib m8id m8idb m8idn m8in m8ine m9g
m9gd p6-b300 r8a r8ib r8id r8idb r8idn r8in x8aedz x8i
c8gn.metal-24xl c8gn.metal-48xl i4i.large i8g.metal-48xl r8gb.48xlarge r8gb.metal-24xl r8gb.metal-48xl
r8gn.metal-24xl r8gn.metal-48xl
"""
# In neither list: the guide states their tasks with a trunk, the budget.
IN_GUIDE_ONLY = frozenset({"hpc6a.48xlarge", "hpc6id.32xlarge"})

# Awsvpc tasks with trunking, by size: equal in every family below.
BUDGET = {
    "medium": 4, "large": 10, "xlarge": 20, "2xlarge": 40, "3xlarge": 40,
    "4xlarge": 60, "6xlarge": 60, "9xlarge": 60,
}  # fmt: skip
BUDGET_LARGER = 120
# 8xlarge and 12xlarge: 60 and 60 on fifth-generation x86 and on Graviton, 90 and 120 on later x86.
OLDER_OR_GRAVITON = """
a1 c5 c5a c5ad c5d c6g c6gd c6gn c7g c7gd c7gn c8g c8gb c8gd c8gn c9g c9gd g5g i4g i7ie i8g i8ge im4gn is4gen
m5 m5a m5ad m5d m5n m6g m6gd m7g m7gd m8g m8gb m8gd m8gn m9g m9gd r5 r5a r5ad r5d r6g r6gd r7g r7gd r8g
r8gb r8gd r8gn x2gd x8g
"""
LATER_X86 = """
c6a c6i c6id c6in c7a c7i c8a c8i c8ib c8id c8in c8ine f2 g5 g6 g6e g6f g7 gr6 gr6f i7i inf2 m6a m6i m6id m6idn
m6in m7a m7i m8a m8azn m8i m8ib m8id m8idb m8idn m8in m8ine r6a r6i r6id r6idn r6in r7a r7i r7iz r8a r8i r8ib
r8id r8idb r8idn r8in u7i-12tb u7i-6tb u7i-8tb u7in-16tb u7in-24tb u7in-32tb x8aedz x8i
"""
# Flex types have the budget of the next smaller size.
FLEX = frozenset({"c7i-flex", "c8i-flex", "m7i-flex", "m8i-flex", "r8i-flex"})
FLEX_BUDGET = {
    "large": 4, "xlarge": 10, "2xlarge": 20, "4xlarge": 40, "8xlarge": 60, "12xlarge": 120, "16xlarge": 120,
}  # fmt: skip
# Types that leave the pattern of their family, and families without a pattern.
BUDGET_EXCEPTIONS = """
a1.medium 10, x2gd.medium 10, i7i.12xlarge 90, g5.xlarge 6, g5.2xlarge 19,
g5.4xlarge 40, m5zn.large 14, m5zn.xlarge 31, m5zn.2xlarge 64, m5zn.3xlarge 98, m5zn.6xlarge 120,
i4i.large 10, i4i.xlarge 8, i4i.2xlarge 28, i4i.4xlarge 58, i4i.8xlarge 118, i4i.12xlarge 118,
i4i.16xlarge 133, i4i.24xlarge 118, i4i.32xlarge 133, i4i.metal 133, x2idn.16xlarge 120,
x2idn.24xlarge 120, x2idn.32xlarge 120, x2idn.metal 120, x2iedn.xlarge 13, x2iedn.2xlarge 29,
x2iedn.4xlarge 60, x2iedn.8xlarge 120, x2iedn.16xlarge 120, x2iedn.24xlarge 120,
x2iedn.32xlarge 120, x2iedn.metal 120, x2iezn.2xlarge 64, x2iezn.4xlarge 120, x2iezn.6xlarge 120,
x2iezn.8xlarge 120, x2iezn.12xlarge 120, x2iezn.metal 120, hpc6a.48xlarge 120, hpc6id.32xlarge 120,
p4d.24xlarge 120, p4de.24xlarge 120, trn1.2xlarge 19, trn1.32xlarge 120, trn1n.32xlarge 198,
vt1.3xlarge 40, vt1.6xlarge 60, vt1.24xlarge 120, u-3tb1.56xlarge 12, r5b.16xlarge 120,
r5dn.16xlarge 120, dl2q.24xlarge 120, f2.6xlarge 90, g7e.2xlarge 122, g7e.4xlarge 126, g7e.8xlarge 126,
g7e.12xlarge 128, g7e.24xlarge 138, g7e.48xlarge 158, hpc7g.4xlarge 120, hpc7g.8xlarge 120,
hpc7g.16xlarge 120, i7ie.large 20, i7ie.xlarge 29, i7ie.2xlarge 29, i7ie.3xlarge 29, i8ge.large 20,
i8ge.xlarge 29, i8ge.2xlarge 29, i8ge.3xlarge 29, p5.4xlarge 60, p5.48xlarge 182, p5e.48xlarge 182,
p5en.48xlarge 182, p6-b200.48xlarge 150, p6-b300.48xlarge 186
"""
# Compatible in the limits, named as not supported by Amazon ECS in GUIDE_READ (NET-016), singly or with their
# family. Where the guide's own table has a row for the type all the same, the row wins: c5a.8xlarge, most of m5n
# and m5zn, and of r5b and r5dn the 16xlarge, which is why these two stand among the exceptions.
NOT_ON_ECS = """
a1.metal c5.metal c5ad.8xlarge c5d.metal m5.metal m5n.24xlarge m5n.metal r5.8xlarge r5.metal r5d.metal
"""

# --- typed in: prices (COST-010 to COST-013), us-east-1, USD per hour ---------------------------------
PRICE_SOURCE = "karpenter-provider-aws, zz_generated.pricing_aws.go"
PRICE_AS_OF = "2026-07-20"
PRICES = """
t3.micro 0.0104  t3.small 0.0208  t3.medium 0.0416  t3.large 0.0832  t3.xlarge 0.1664  t3.2xlarge 0.3328
t3a.medium 0.0376  t4g.medium 0.0336  t4g.large 0.0672
m5.large 0.096  m5.xlarge 0.192  m5.2xlarge 0.384  m5.4xlarge 0.768
m6i.large 0.096  m6i.xlarge 0.192  m6i.2xlarge 0.384  m6i.4xlarge 0.768
m6a.large 0.0864  m6g.large 0.077  m6g.xlarge 0.154  m6g.2xlarge 0.308
m7i.large 0.1008  m7i.xlarge 0.2016  m7i.2xlarge 0.4032
m7g.large 0.0816  m7g.xlarge 0.1632  m7g.2xlarge 0.3264
m7a.large 0.11592  m8g.large 0.08976  m8g.xlarge 0.17952  m8g.2xlarge 0.35904
c5.large 0.085  c5.xlarge 0.17  c5.2xlarge 0.34  c5.4xlarge 0.68
c6i.large 0.085  c6i.xlarge 0.17  c6i.2xlarge 0.34  c6g.large 0.068  c6g.xlarge 0.136
c7i.large 0.08925  c7i.xlarge 0.1785  c7i.2xlarge 0.357  c7g.large 0.0725  c7g.xlarge 0.145  c7g.2xlarge 0.29
c7a.large 0.10264  c8g.large 0.07976
r5.large 0.126  r5.xlarge 0.252  r6i.large 0.126  r6i.xlarge 0.252  r6g.large 0.1008  r6g.xlarge 0.2016
r7i.large 0.1323  r7g.large 0.1071  r8g.large 0.11782
g4dn.xlarge 0.526  g4dn.8xlarge 2.176  g5.xlarge 1.006  g6.xlarge 0.8048  p3.2xlarge 3.06
p4d.24xlarge 21.957642  p4de.24xlarge 27.44705  p5.48xlarge 55.04
"""
